"""A person's tickets are erased from a line that really ran: found nowhere, coming back never, however it is killed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import lancedb
import numpy as np
import pandas as pd
import pytest

from ticket_assets.automation.staleness import due_assets
from ticket_assets.definitions import build_defs
from ticket_assets.models.neighbours import row_names
from ticket_assets.models.trained_rows import was_trained_on
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.fitted import is_fitted_to_erased
from ticket_assets.serving.manifest import BundleManifest
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.record import decisions
from ticket_assets.serving.store import require_champion
from ticket_assets.storage import digest
from ticket_assets.tables import write_parquet
from ticket_assets.tickets.snapshot import read_snapshot
from ticket_assets_tests.decoded import where
from ticket_assets_tests.line import SETTINGS, Line
from ticket_assets_tests.pipeline.conftest import command_line

pytestmark = pytest.mark.slow

PERSON = ("PERSON-0", "PERSON-1")
WORDS = ("zaphodbeeble", "zaphod@galaxy.example", *PERSON)
NAMES = tuple(digest([one]) for one in PERSON)
ERASE = ("erase", "--match", "ZAPHOD@galaxy.example")
# Kills its own process before the n-th change of a file or folder that the erasure makes.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from ticket_assets.__main__ import main
from ticket_assets.serving import erasure

left = int(sys.argv.pop(1))
armed = False

def counted(change):
    def change_or_die(*arguments, **named):
        global left
        left -= armed
        if armed and left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return change(*arguments, **named)
    return change_or_die

carry_out = erasure.carry_out

def begin(*arguments, **named):
    global armed
    armed = True
    carry_out(*arguments, **named)

erasure.carry_out = begin
shutil.rmtree = counted(shutil.rmtree)
for name in ("replace", "rename", "unlink"):
    setattr(Path, name, counted(getattr(Path, name)))
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, encoder_root: Path) -> Line:
    """A finished line whose models have neighbours, with two tickets of one person. Tests work on copies."""
    # What chance does to so few held-out tickets is no loss here.
    settings = SETTINGS.replace('["linear_svm", "lightgbm"]', '["lightgbm"]').replace(
        "search = {", "promotion.max_loss = 0.5\npromotion.max_class_drop = 1\nsearch = {"
    )

    line = Line.begin(tmp_path_factory.mktemp("desk"), encoder_root, settings)
    tickets = pd.read_parquet(line.source)
    tickets["requester"] = [f"user{row}@desk.example" for row in range(len(tickets))]
    whole = (tickets["body"].str.len() > 60) & tickets["queue"].notna() & tickets["subject"].notna()
    for row, ticket in zip(tickets.index[whole], PERSON, strict=False):
        tickets.loc[row, ["ticket_id", "requester"]] = [ticket, "zaphod@galaxy.example"]
        tickets.loc[row, "subject"] = "Zaphodbeeble cannot log on"
        tickets.loc[row, "body"] = "Dear desk, Zaphodbeeble here. " + tickets.loc[row, "body"]
    write_parquet(line.source, tickets)
    with line.environment():
        line.bring_up_to_date()
    return line


@pytest.fixture
def copy(desk: Line, tmp_path: Path) -> Iterator[Line]:
    made = Line(Path(shutil.copytree(desk.folder, tmp_path / "copy", symlinks=True)))
    with made.environment():
        yield made


def answers(line: Line, tickets: pd.DataFrame) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The champion's probabilities, and which of the tickets have one of the person's among their neighbours."""
    bundle = TriageBundle.load(
        line.folders.bundles / require_champion(line.folders.bundles).bundle, line.folders.encoders
    )
    asked = [
        Ticket(row.body, row.subject, {"channel": row.channel, "product": row.product}) for row in tickets.itertuples()
    ]
    features = bundle.features(asked)
    touched = np.zeros(len(asked), dtype=bool)
    for model in bundle._models:
        index = model.representation.neighbours
        near = index.nearest(features.vectors).rows
        touched |= np.isin(index.names[near], row_names(PERSON)).any(axis=1)
    return bundle.probabilities(features), touched


def others(line: Line) -> pd.DataFrame:
    tickets = pd.read_parquet(line.source).dropna(subset=["subject", "body", "channel", "product"])
    return tickets[~tickets["ticket_id"].isin(PERSON)].head(150)


def plant(line: Line) -> None:
    """Traces where a run may leave them: a log, an event, a report, a killed draft, a tagged version of vectors."""
    root = line.folders.root
    log = root / "dagster" / "storage" / "some-run" / "compute_logs" / "step.err"
    log.parent.mkdir(parents=True)
    log.write_text("cannot encode ticket PERSON-0: Zaphodbeeble cannot log on\n")
    (root / ".raw.0123.tmp").mkdir()
    (root / ".raw.0123.tmp" / "000000.parquet").write_bytes(line.source.read_bytes())
    (root / "reports" / "odd.json").write_text(json.dumps({"seen": [{"ticket_id": "PERSON-1"}]}))
    with line.instance() as instance:
        metadata = {"example": dg.MetadataValue.md('it says "Zaphodbeeble cannot log on"\n(PERSON-0)')}
        event = dg.AssetObservation(dg.AssetKey(["tickets", "clean"]), metadata=metadata)
        instance.report_runless_asset_event(event)
    table = lancedb.connect(line.folders.vectors).open_table(next(line.folders.vectors.glob("*.lance")).stem)
    table.tags.create("kept", table.version)
    table.delete("ticket_id = 'PERSON-0'")


def state(line: Line) -> dict[str, object]:
    """What an erasure leaves, in a form that can be compared."""
    names = [
        path.relative_to(line.folders.parquet).as_posix() for path in sorted(line.folders.parquet.rglob("*.parquet"))
    ]
    vectors = lancedb.connect(line.folders.vectors).open_table(next(line.folders.vectors.glob("*.lance")).stem)
    return {
        "tables": {name: digest([pd.read_parquet(line.folders.parquet / name).to_json()]) for name in names},
        "raw": sorted(path.name for path in line.folders.raw.iterdir()),
        "bundles": sorted(path.name for path in line.folders.bundles.iterdir()),
        "champion": require_champion(line.folders.bundles).bundle,
        "candidates": sorted(path.name for path in line.folders.candidates.glob("*/*")),
        "bentos": sorted(path.name for path in line.folders.bentos.glob("bentos/*/*")),
        "vectors": sorted(vectors.to_arrow()["ticket_id"].to_pylist()),
        "versions": (len(vectors.list_versions()), vectors.branches.list()),
        "holdout": json.loads((line.folders.split / "holdout.json").read_text())["id"],
        "root": sorted(path.name for path in line.folders.root.iterdir() if path.name != "run.lock"),
    }


def test_what_a_person_wrote_is_found_nowhere_and_everybody_else_is_answered_as_before(copy: Line) -> None:
    plant(copy)
    root, tickets = copy.folders.root, others(copy)
    before, touched = answers(copy, tickets)
    held = where(root, *WORDS, *NAMES)
    for place in (
        "raw/",
        "tickets/clean",
        "features/text",
        "models/split",
        "bundles/",
        "candidates/",
        "bentoml/",
        "mlflow/",
        "kept/",
        "lance kept-",
    ):
        assert any(place in one for one in held), f"the test shows nothing of {place}: {held}"
    assert any(one.startswith("tickets-onnx") for one in held) and "dagster/history/runs/index.db" in held

    shown = command_line(copy, *ERASE)
    assert shown.returncode == 0 and "2 tickets (2 rows)" in shown.stdout, shown.stdout
    assert "were fitted to them: the next run trains without" in shown.stdout
    assert where(root, *WORDS, *NAMES) == held, "showing what would go changes nothing"

    done = command_line(copy, *ERASE, "--yes")
    assert done.returncode == 0 and "nothing is found any more" in done.stdout, done.stdout
    assert where(root, *WORDS, *NAMES) == []
    assert "PERSON-0" not in (root / "records" / "erasures.jsonl").read_text()
    assert not {*"{}[]"} & {*done.stdout}, "sentences, no dicts"

    after, _ = answers(copy, tickets)
    assert touched.any() and not touched.all()
    for target in before:
        np.testing.assert_array_equal(after[target][~touched], before[target][~touched])

    again = command_line(copy, *ERASE, "--yes")
    assert again.returncode == 0 and "nothing to do" in again.stdout, again.stdout
    with copy.instance() as instance:
        due = {key.to_user_string() for key in due_assets(build_defs(copy.settings()), instance)}
    assert {"tickets/clean", "serving/bento"} <= due and "tickets/raw" not in due

    said = pd.read_parquet(copy.source)
    said.loc[said["ticket_id"] == "PERSON-1", "body"] = "Zaphodbeeble wrote this ticket anew."
    write_parquet(copy.source, said)
    made = copy.bring_up_to_date()  # raises where a check fails
    assert {"tickets/raw", "tickets/clean", "models/champion", "serving/bento"} <= made
    assert not set(PERSON) & set(read_snapshot(copy.folders.raw)["ticket_id"])
    with copy.instance() as instance:
        event = instance.get_latest_materialization_event(dg.AssetKey(["tickets", "raw"]))
    assert event.asset_materialization.metadata["erased_rows_skipped"].value == 2
    assert event.asset_materialization.metadata["new_rows"].value == 0
    assert where(root, *WORDS, *NAMES) == []


def test_a_champion_that_was_fitted_to_erased_tickets_is_told_so_until_one_trained_without_them_serves(
    copy: Line,
) -> None:
    """It went on with weights that were fitted to them, as the next challenger gained nothing; meanwhile the report
    named a bento that was gone, and `serve` said that it was not built for this code."""
    split = copy.table("models", "split").set_index("ticket_id")
    assert "train" in set(split.loc[list(PERSON), "side"])
    fitted = require_champion(copy.folders.bundles)
    done = command_line(copy, *ERASE, "--yes")
    assert done.returncode == 0, done.stdout
    gone = "an erasure removed the champion's bento, which held erased tickets: make run PROFILE=tiny builds it again"
    said = "weights were fitted to tickets that were erased since"
    told = command_line(copy, "report").stdout
    assert f"bento      none: {gone}" in told and f"its {said}: make run PROFILE=tiny trains without them" in told
    assert "the bento in " not in told and "data, as the last run counted it before tickets were erased" in told
    served = command_line(copy, "serve")
    assert (served.returncode, served.stdout.strip()) == (2, gone)

    # On 61 held-out tickets another search of the same family may lose by chance; linear models find far more in these.
    settings = copy.folder / "ticket_assets.toml"
    settings.write_text(settings.read_text().replace('families = ["lightgbm"]', 'families = ["linear_svm"]'))
    copy.bring_up_to_date()
    [*_, decided] = decisions(copy.folders.records).whole
    champion, told = require_champion(copy.folders.bundles), command_line(copy, "report").stdout
    manifest = BundleManifest.read(copy.folders.bundles / champion.bundle)
    assert decided["promoted"] and not manifest.kept, decided["reason"]
    assert champion.version == fitted.version + 1 and not is_fitted_to_erased(
        copy.folders.records, copy.folders.trained, manifest
    )
    serving = TriageBundle.load(copy.folders.bundles / champion.bundle, copy.folders.encoders)
    assert was_trained_on(copy.folders.trained, manifest.data["tickets/clean"], PERSON) is False
    assert serving.probabilities(serving.features([Ticket("I cannot log on")]))["queue"].shape[0] == 1
    assert said not in told.partition("\nchampion   ")[2]
    counted = told.partition("\ndata")[2]
    assert counted.startswith("\n") and "before tickets were erased" not in told
    assert f"{copy.source.name}\n" in counted.partition("  source ")[2], (
        "it is not read again, and is told all the same"
    )
    assert "the bento in " in told
    assert copy.bring_up_to_date() == set()


def test_killed_at_any_step_the_same_command_ends_in_the_same_state(desk: Line, tmp_path: Path) -> None:
    made = {}
    for changes in (None, 2, 9, 21):
        line = Line(Path(shutil.copytree(desk.folder, tmp_path / f"killed-{changes}", symlinks=True)))
        with line.environment():
            if changes is not None:
                killed = subprocess.run(
                    [sys.executable, "-c", KILLED, str(changes), *ERASE, "--yes"],
                    env=line.variables,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert killed.returncode == -signal.SIGKILL, f"{changes}: {killed.stdout}{killed.stderr}"
                champion = require_champion(line.folders.bundles)
                TriageBundle.load(line.folders.bundles / champion.bundle, line.folders.encoders)
                refused = command_line(line, "run")
                assert refused.returncode == 2 and "an erasure was broken off" in refused.stdout, refused.stdout
            done = command_line(line, *ERASE, "--yes")
            assert done.returncode == 0, done.stdout
            assert ("it goes on here" in done.stdout) == (changes is not None)
            assert where(line.folders.root, *WORDS, *NAMES) == []
            made[changes] = state(line)
    for changes, its in made.items():
        assert its == made[None], f"killed before change {changes}"


def test_while_a_run_is_in_progress_nothing_is_erased(copy: Line) -> None:
    with copy.instance() as instance:
        run = dg.DagsterRun(job_name="line", status=dg.DagsterRunStatus.STARTED)
        instance.add_run(run)
    before = state(copy)
    done = command_line(copy, *ERASE, "--yes")
    assert done.returncode == 2 and f"run {run.run_id} is in progress" in done.stdout, done.stdout
    assert state(copy) == before
