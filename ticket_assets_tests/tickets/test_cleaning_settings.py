"""Settings of cleaning, words and taxonomy: what they make stale, what is refused, what `tickets/clean` tells."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from ticket_assets.definitions import build_defs
from ticket_assets.resources.desk import Desk
from ticket_assets.settings import SettingsError, load_settings
from ticket_assets.tables import write_parquet
from ticket_assets.tickets.words import WordRules
from ticket_assets_tests.line import PROFILE, SETTINGS, Line

TAXONOMY = """
[[version]]
name = "2"
date = 2030-01-01
rename = [{ from = "network", to = "connectivity" }]
"""
NAMED = '\ntargets.queue.column = "queue"\n'


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    line = Line.begin(tmp_path)
    with line.environment():
        yield line


def use(line: Line, more: str) -> None:
    (line.folder / "ticket_assets.toml").write_text(SETTINGS.replace(NAMED, f"{NAMED}{more}\n"))


def versions() -> dict[str, str | None]:
    specs = build_defs(load_settings()).resolve_all_asset_specs()
    return {spec.key.to_user_string(): spec.code_version for spec in specs}


def stale(before: dict[str, str | None]) -> set[str]:
    now = versions()
    return {name for name in now if now[name] != before[name]}


def test_another_mask_makes_the_clean_tickets_stale_and_other_words_the_features(line: Line) -> None:
    before = versions()
    use(line, 'cleaning.mask = ["email"]')
    assert stale(before) == {"tickets/feedback", "tickets/clean", "tickets/quarantine", "models/champion"}
    use(line, 'words = { stem = true, drop.en = ["Ticket"] }')
    assert stale(before) == {"features/text", "models/champion"}
    assert Desk(profile=PROFILE).feature_schema.words == WordRules(stem=True, drop=(("en", ("ticket",)),))


def test_a_changed_taxonomy_makes_the_clean_tickets_stale_and_its_path_does_not(line: Line) -> None:
    use(line, 'targets.queue.taxonomy = "one.toml"')
    (line.folder / "one.toml").write_text(TAXONOMY)
    before = versions()
    (line.folder / "one.toml").rename(line.folder / "two.toml")
    use(line, 'targets.queue.taxonomy = "two.toml"')
    assert stale(before) == set()
    (line.folder / "two.toml").write_text(TAXONOMY.replace("connectivity", "lines"))
    assert stale(before) >= {"tickets/clean", "tickets/quarantine"}


def test_a_taxonomy_may_come_to_a_filled_root(line: Line) -> None:
    before = load_settings().active.identity()
    use(line, 'targets.queue.taxonomy = "one.toml"')
    assert load_settings().active.identity() == before


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('cleaning.mask = ["passport"]', "cleaning.mask.0 = 'passport'"),
        ('words.drop.en = ["two words"]', "'two words' is not one word: list each word by itself"),
        ('words.drop.it = ["uno"]', "words.drop.it"),
    ],
)
def test_a_wrong_setting_is_refused_by_field_value_and_fix(line: Line, more: str, message: str) -> None:
    use(line, more)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert message in str(caught.value)
    assert "mend it in ticket_assets.toml" in str(caught.value)


@pytest.mark.slow
def test_clean_tickets_carry_today_s_labels_and_the_asset_tells_what_was_masked_and_renamed(line: Line) -> None:
    source = pd.read_parquet(line.source)
    source.loc[3, "body"] = "My mailbox is full. Write to bob@example.com, I am at 10.20.30.40."
    write_parquet(line.source, source)
    use(line, 'cleaning.mask = ["email", "name"]\ntargets.queue.taxonomy = "taxonomy.tiny.toml"')
    (line.folder / "taxonomy.tiny.toml").write_text(TAXONOMY)
    tickets = [dg.AssetKey(["tickets", name]) for name in ("raw", "feedback", "clean", "quarantine")]
    with line.instance() as instance:
        assert line.execute(instance, tickets, raise_on_error=True).success
        event = instance.get_latest_materialization_event(dg.AssetKey(["tickets", "clean"]))
    assert event and event.asset_materialization
    told = {name: value.value for name, value in event.asset_materialization.metadata.items()}
    assert told["taxonomy"] == {"queue": "2"}
    assert told["relabelled"]["queue"] > 10
    clean = line.table("tickets", "clean")
    assert "connectivity" in set(clean["label_queue"])
    assert "network" not in set(clean["label_queue"])
    assert told["masked"] == {"email": 1, "phone": 0, "iban": 0, "card": 0, "ip": 0, "name": 0}
    [masked] = clean.loc[clean["ticket_id"] == source.loc[3, "ticket_id"], "text"]
    assert masked.endswith("Write to [email_address], I am at 10.20.30.40.")
