"""The source's fingerprint as a data version: reported once per content, and what staleness compares."""

import sqlite3
from pathlib import Path

import dagster as dg
import pytest

from ticket_assets.assets.tickets import raw, source
from ticket_assets.automation.source import MENDED, SOURCE, is_remembered, observe_source, remember_source
from ticket_assets.automation.staleness import due_assets
from ticket_assets.profile import ColumnSettings, Profile, TargetSettings
from ticket_assets.settings import Settings, SettingsError, load_settings
from ticket_assets.source_settings import SourceSettings
from ticket_assets.tickets.sources.contract import SourceError
from ticket_assets.tickets.sources.places import fingerprint


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
    assert raw(SOURCE).asset_deps[dg.AssetKey(["tickets", "raw"])] == {SOURCE, MENDED}


TOML = """
profile = "own"
[profiles.own]
source.path = "tickets.csv"
columns.body = "body"
targets.queue.column = "q"
"""


class Desk:
    """A settings file with a file of tickets beside it, and another elsewhere."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.patch = folder, patch
        self.own, self.other = folder / "tickets.csv", folder / "elsewhere.csv"
        (folder / "ticket_assets.toml").write_text(TOML)
        patch.setenv("TICKET_ASSETS_CONFIG", str(folder / "ticket_assets.toml"))
        patch.delenv("TICKET_ASSETS_PROFILE", raising=False)
        self.give(None)

    def give(self, path: Path | None) -> None:
        """What `--source` does, or its absence."""
        if path:
            self.patch.setenv("TICKET_ASSETS_PROFILES__OWN__SOURCE__PATH", str(path))
        else:
            self.patch.delenv("TICKET_ASSETS_PROFILES__OWN__SOURCE__PATH", raising=False)

    @property
    def reads(self) -> Path:
        return self.folder / str(load_settings().active.source.path)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def test_a_source_given_to_one_run_is_that_of_the_next_and_of_the_ui(desk: Desk) -> None:
    """It lived in the command's environment alone: the UI showed `tickets/raw` as stale, and failed to make it."""
    desk.give(desk.other)
    assert remember_source(load_settings()) == f"{desk.other} (given to this run; later ones and the UI read it too)"
    desk.give(None)
    assert desk.reads == desk.other
    assert is_remembered(load_settings())
    said = remember_source(load_settings())
    assert said.startswith(f"{desk.other} (given to an earlier run; give another, or remove ")
    assert str(desk.folder / "storage" / "own" / "source.json") in said


def test_what_is_given_now_wins_over_what_is_remembered(desk: Desk) -> None:
    desk.give(desk.other)
    remember_source(load_settings())
    third = desk.folder / "third.csv"
    desk.give(third)
    assert desk.reads == third
    assert not is_remembered(load_settings())
    assert "given to this run" in remember_source(load_settings())
    desk.give(None)
    assert desk.reads == third


def test_the_settings_own_source_is_never_remembered_and_takes_back_what_was(desk: Desk) -> None:
    """Else a later edit of the settings file would change nothing."""
    assert remember_source(load_settings()) == f"{desk.own} (as the settings have it)"
    assert not load_settings().source_memory.exists()
    desk.give(desk.other)
    remember_source(load_settings())
    desk.give(desk.own)
    assert remember_source(load_settings()) == f"{desk.own} (as the settings have it)"
    desk.give(None)
    assert desk.reads == desk.own


def test_a_memory_that_is_removed_is_forgotten_and_one_that_cannot_be_read_is_named(desk: Desk) -> None:
    desk.give(desk.other)
    remember_source(load_settings())
    desk.give(None)
    memory = load_settings().source_memory
    for broken in ("", "[]", '{"file": "a"}'):
        memory.write_text(broken)
        with pytest.raises(SettingsError, match=r"source\.json does not say which source was read: remove it"):
            load_settings()
    memory.unlink()
    assert desk.reads == desk.own


def test_another_profile_has_a_memory_of_its_own(desk: Desk) -> None:
    (desk.folder / "ticket_assets.toml").write_text(
        TOML + TOML.partition("\n[")[2].join(("[", "")).replace("own", "it")
    )
    desk.give(desk.other)
    remember_source(load_settings())
    desk.give(None)
    assert load_settings(profile="it").active.source.path == "tickets.csv"


def test_a_generated_source_is_not_remembered() -> None:
    settings = settings_for(SourceSettings(kind="sample"))
    assert remember_source(settings) == "generated tickets"
    assert not settings.source_memory.exists()


def test_a_source_in_a_database_is_observed_and_named_without_its_password(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "tickets.db") as connection:
        connection.execute("CREATE TABLE tickets (body TEXT)")
        connection.execute("INSERT INTO tickets VALUES ('help')")
    settings = settings_for(SourceSettings(kind="sql", url=f"sqlite:///{tmp_path}/tickets.db", table="tickets"))
    with dg.DagsterInstance.ephemeral() as instance:
        first = observe_source(settings, instance)
        assert observe_source(settings, instance) == first
        connection.execute("INSERT INTO tickets VALUES ('more')")
        connection.commit()
        connection.close()
        assert observe_source(settings, instance) != first
        assert told(instance) == 2
        [event, _] = instance.fetch_materializations(SOURCE, limit=10).records
        assert event.asset_materialization is not None
        said = event.asset_materialization.metadata["source"].value
    assert said == remember_source(settings) == f"sqlite:///{tmp_path}/tickets.db (tickets)"
    assert not settings.source_memory.exists()


def test_a_path_that_leads_in_circles_is_refused_as_no_file(tmp_path: Path) -> None:
    """Making it absolute raised a RuntimeError, before anybody asked what it names."""
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(SourceError, match="no ticket file at"):
        observe_source(settings_for(SourceSettings(path=str(tmp_path / "a"))), instance)
