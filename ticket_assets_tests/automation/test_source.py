"""The source's fingerprint as a data version: reported once per content, and what staleness compares."""

from pathlib import Path

import dagster as dg
import pytest

from ticket_assets.assets.tickets import raw, source
from ticket_assets.automation.source import SOURCE, observe_source
from ticket_assets.automation.staleness import due_assets
from ticket_assets.profile import ColumnSettings, Profile, SourceSettings, TargetSettings
from ticket_assets.settings import Settings
from ticket_assets.tickets.sources import SourceError, fingerprint


def settings_for(source: SourceSettings) -> Settings:
    profile = Profile(source=source, columns=ColumnSettings(body="body"), targets={"queue": TargetSettings(column="q")})
    return Settings(profile="own", profiles={"own": profile}, _env_file=None)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tickets.csv"
    path.write_text("body,q\nhelp,it\n")
    return path


@pytest.fixture
def settings(file: Path) -> Settings:
    return settings_for(SourceSettings(path=str(file)))


def told(instance: dg.DagsterInstance) -> int:
    fetched = (instance.fetch_observations(SOURCE, limit=10), instance.fetch_materializations(SOURCE, limit=10))
    return sum(len(one.records) for one in fetched)


def test_the_data_version_is_the_content_s_fingerprint(settings: Settings, file: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert observe_source(settings, instance) == fingerprint((file,))
        assert told(instance) == 1


def test_an_unchanged_source_is_reported_once_and_a_changed_one_again(settings: Settings, file: Path) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = observe_source(settings, instance)
        file.touch()
        assert observe_source(settings, instance) == first
        assert told(instance) == 1
        file.write_text("body,q\nhelp,hr\n")
        assert observe_source(settings, instance) != first
        assert told(instance) == 2


def test_a_source_that_returns_to_earlier_content_is_reported_again(settings: Settings, file: Path) -> None:
    """Compared with all versions ever seen instead of the latest, the way back would go unnoticed."""
    with dg.DagsterInstance.ephemeral() as instance:
        first, content = observe_source(settings, instance), file.read_text()
        file.write_text("body,q\nhelp,hr\n")
        observe_source(settings, instance)
        file.write_text(content)
        assert observe_source(settings, instance) == first
        assert told(instance) == 3


def test_what_was_made_from_the_source_is_fresh_until_the_source_changes(settings: Settings, file: Path) -> None:
    """Reported as an observation, the version was recorded by `tickets/raw` but never read back: due for ever."""

    @dg.asset(key=["tickets", "raw"], deps=[SOURCE], code_version="1")
    def raw() -> None: ...

    defs = dg.Definitions(assets=[source, raw])
    with dg.DagsterInstance.ephemeral() as instance:
        observe_source(settings, instance)
        assert dg.materialize([raw], instance=instance).success
        assert due_assets(defs, instance) == {}
        file.write_text("body,q\nhelp,hr\n")
        observe_source(settings, instance)
        assert set(due_assets(defs, instance)) == {raw.key}


def test_a_generated_source_is_not_observed() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert observe_source(settings_for(SourceSettings(kind="sample")), instance) is None
        assert told(instance) == 0


def test_a_source_without_a_file_is_refused_by_its_path(tmp_path: Path) -> None:
    missing = settings_for(SourceSettings(path=str(tmp_path / "absent.csv")))
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(SourceError, match=r"absent\.csv"):
        observe_source(missing, instance)


def test_the_asset_that_reads_the_source_depends_on_it() -> None:
    assert raw(SOURCE).asset_deps[dg.AssetKey(["tickets", "raw"])] == {SOURCE}
