# `make demo` and `make test` are all a fresh machine with Python 3.11 needs; everything else is named in README.md.
PROFILE ?= demo
SOURCE ?=
FILE ?=
ARGS ?=
TICKETS ?=
DATA ?=
YES ?=
PORT ?= 3000
READY := .venv/.ready
RUN := .venv/bin/python -m ticket_assets
export TICKET_ASSETS_PROFILE = $(PROFILE)
ifdef TICKET_ASSETS_CONFIG
export TICKET_ASSETS_CONFIG := $(abspath $(TICKET_ASSETS_CONFIG))
endif

.PHONY: demo loop run score report quarantine mend champion challenger retrain rollback unpin test check ui serve image keys users monitor erase upgrade pictures clean help
.DEFAULT_GOAL := help

help: ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): requirements/lock.txt requirements/torch.txt pyproject.toml scripts/install
	@scripts/install
	@touch $@

demo: PROFILE = demo
demo: $(READY) ## generated tickets through the whole line; prints scores, bento, what to open next
	@$(RUN) run --profile demo

run: $(READY) ## the same for a profile: make run PROFILE=it_service SOURCE=path/to/tickets.parquet
	@$(RUN) run --profile $(PROFILE) $(if $(SOURCE),--source '$(SOURCE)')

report: $(READY) ## print what a profile made
	@$(RUN) report --profile $(PROFILE)

quarantine: $(READY) ## why rows are in quarantine, and a table of them to mend: FILE=quarantine.csv
	@$(RUN) quarantine --profile $(PROFILE) $(if $(FILE),--file '$(FILE)')

mend: $(READY) ## take back that table with rows mended: make mend PROFILE=it_service FILE=quarantine.csv
	$(if $(FILE),,$(error name the table: make mend PROFILE=$(PROFILE) FILE=quarantine.csv))
	@$(RUN) mend --profile $(PROFILE) --file '$(FILE)'

champion: $(READY) ## who is champion; make champion ON=2026-05-01 who was (UTC), HISTORY=1 all of it, CARD=1 its model card
	@$(RUN) champion --profile $(PROFILE) $(if $(ON),--on '$(ON)') $(if $(HISTORY),--history) $(if $(CARD),--card)

retrain: $(READY) ## order a challenger: make retrain PROFILE=x [REASON="…"]; the daemon makes it, or NOW=1 here
	@$(RUN) retrain --profile $(PROFILE) $(if $(REASON),--reason "$$REASON") $(if $(NOW),--now)

challenger: $(READY) ## who is in the champion's shadow; make challenger WITHDRAW=1 [REASON="…"] takes it out
	@$(RUN) challenger --profile $(PROFILE) $(if $(WITHDRAW),--withdraw) $(if $(REASON),--reason "$$REASON")

rollback: $(READY) ## the champion before serves again: make rollback PROFILE=x [TO=v3] [REASON="…"] [HOURS=72]
	@$(RUN) rollback --profile $(PROFILE) $(if $(TO),--to '$(TO)') $(if $(REASON),--reason "$$REASON") \
	  $(if $(HOURS),--hours '$(HOURS)')

unpin: $(READY) ## take the pin of a rollback off: the next run may promote again
	@$(RUN) unpin --profile $(PROFILE) $(if $(REASON),--reason "$$REASON")

test: $(READY) ## every check: format, lint, types, imports, definitions, tests
	@scripts/check

check: test

ui: $(READY) ## the Dagster UI of a profile, on PORT
	@$(RUN) ui --profile $(PROFILE) --port $(PORT)

serve: $(READY) ## the champion's bento of a profile, on PORT
	@$(RUN) serve --profile $(PROFILE) --port $(PORT)

image: $(READY) ## a container image of that bento, by podman or docker: make image PROFILE=x [ENGINE=docker]
	@$(RUN) image --profile $(PROFILE) $(if $(ENGINE),--engine '$(ENGINE)') $(ARGS)

score: $(READY) ## answer a file of tickets, a line each: make score PROFILE=x FILE=backlog.csv [OUT=answers.jsonl]
	$(if $(FILE),,$(error name the file: make score PROFILE=$(PROFILE) FILE=backlog.csv))
	@$(RUN) score --profile $(PROFILE) --file '$(FILE)' $(if $(OUT),--out '$(OUT)')

keys: $(READY) ## API keys of the service: make keys PROFILE=x ARGS='add --name crm --scopes predict,feedback'
	@$(RUN) keys --profile $(PROFILE) $(ARGS)

users: $(READY) ## users of the console: make users PROFILE=x ARGS='add --name anna --scopes predict,admin'
	@$(RUN) users --profile $(PROFILE) $(ARGS)

loop: $(READY) ## the loop by itself, half an hour: drift, retraining, promotion, quiet; TICKETS=it_service DATA=folder
	@.venv/bin/python -m benchmarks.loop $(if $(TICKETS),--tickets '$(TICKETS)') $(if $(DATA),--data '$(DATA)')

monitor: $(READY) ## judge what was answered since the last time: drift, performance, answers by hand
	@$(RUN) monitor --profile $(PROFILE)

erase: $(READY) ## erase tickets: make erase PROFILE=x ARGS='--id T-1'; shows what it would do, and does it with YES=1
	@$(RUN) erase --profile $(PROFILE) $(ARGS) $(if $(YES),--yes)

upgrade: $(READY) ## bring the state of an earlier version to this one's
	@$(RUN) upgrade --profile $(PROFILE) $(if $(SOURCE),--source '$(SOURCE)')

pictures: $(READY) ## the README's pictures, from the demo in headless Chromium (monitoring's: scripts/pictures.py --watched)
	@.venv/bin/python scripts/pictures.py

clean: ## remove the environment and the demo's state
	rm -rf .venv storage/demo
