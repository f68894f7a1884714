"""The settings of a source: what is wrong is named at start, nothing secret is shown, filled roots stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from ticket_assets.__main__ import main
from ticket_assets.automation.source import remember_source
from ticket_assets.profile import ColumnSettings, Profile, TargetSettings
from ticket_assets.settings import SettingsError, load_settings
from ticket_assets.source_settings import SourceSettings

SQL = {"kind": "sql", "url": "sqlite:///t.db", "table": "tickets"}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, r'kind "files" needs path: set it to a file, folder or glob, or to s3://bucket/prefix'),
        ({"path": "gs://bucket/a.csv"}, r"path begins with gs://, where no tickets are read from: use s3://"),
        ({"path": "a.csv", "encoding": "utf-9"}, r"no encoding has this name: use one such as utf-8, cp1252"),
        ({"path": "a.csv", "delimiter": ";;"}, r"at most 1 character"),
        ({"path": "a.csv", "unpacked_mb": 0}, r"greater than or equal to 1"),
        ({"path": "a.csv", "unreadable_share": 1.5}, r"less than or equal to 1"),
        ({"path": "a.csv", "table": "t"}, r'table belongs to a database: set kind = "sql", or take it out'),
        ({"path": "a.csv", "dataset": "t"}, r'dataset belongs to a Hugging Face dataset: set kind = "huggingface"'),
        ({"path": "a.csv", "endpoint_url": "http://s3"}, r"endpoint_url belongs to a bucket: begin path with s3://"),
        ({"path": "s3://b/a.csv", "access_key_id": "k"}, r"access_key_id and secret_access_key go together: set both"),
        ({**SQL, "url": None}, r'kind "sql" needs url: set it to SQLAlchemy\'s, such as sqlite:///tickets\.db'),
        ({**SQL, "table": None}, r'kind "sql" needs table or query, and not both: set one'),
        ({**SQL, "query": "SELECT 1"}, r'kind "sql" needs table or query, and not both: set one'),
        ({**SQL, "encoding": "utf-8"}, r'encoding belongs to files: set kind = "files", or take it out'),
        ({"kind": "huggingface"}, r'kind "huggingface" needs dataset: set it to a name on the hub or to a folder'),
        ({"kind": "ftp"}, r"'files', 'sql', 'huggingface' or 'sample'"),
    ],
)
def test_a_source_that_is_set_wrongly_is_refused_with_field_and_fix(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        SourceSettings.model_validate(settings)


def profile(**source: Any) -> Profile:
    columns, targets = ColumnSettings(body="body"), {"queue": TargetSettings(column="q")}
    return Profile(source=SourceSettings(**source), columns=columns, targets=targets)


def test_where_a_source_lies_and_how_it_is_read_is_no_part_of_what_it_is() -> None:
    """A rotated password or a moved bucket must not make a filled root another profile's."""
    files = profile(path="a.csv").identity()["source"]
    assert profile(path="s3://b/c", endpoint_url="http://s3", encoding="cp1252").identity()["source"] == files
    sql = profile(kind="sql", url="postgresql://a:b@c/d", table="t").identity()["source"]
    assert profile(kind="sql", url="postgresql://a:new@c/d", table="t", cursor="at").identity()["source"] == sql
    assert files != sql


TOML = """
profile = "own"
[profiles.own]
columns.body = "body"
targets.queue.column = "q"
[profiles.own.source]
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TICKET_ASSETS_CONFIG", str(tmp_path / "ticket_assets.toml"))
    monkeypatch.delenv("TICKET_ASSETS_PROFILE", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    "source",
    [
        'kind = "sql"\nurl = "postgresql://desk:s3cr3t@host/db"',
        'kind = "sql"\nurl = "postgresql://host/db?password=s3cr3t"',
        'kind = "sql"\nurl = "postgresql://desk:s3cr3t@host/db"\ntable = "t"\nquery = "SELECT 1"',
        'path = "s3://b/a.csv"\nsecret_access_key = "s3cr3t"',
        'path = "s3://b/a.csv"\nsecret_access_key = "s3c\'r3t, s3cr3t"\naccess_key_id = ""',
        'url = "postgresql://desk:s3cr3t@host/db"\npath = "a.csv"',
        'kind = "sql"\nurl = ["postgresql://desk:s3cr3t@host/db"]\ntable = "t"',
    ],
)
def test_an_error_about_settings_shows_no_secret_of_them(desk: Path, source: str) -> None:
    (desk / "ticket_assets.toml").write_text(TOML + source)
    with pytest.raises(SettingsError, match=r"profiles\.own\.source") as caught:
        load_settings()
    assert "r3t" not in str(caught.value)


def test_the_settings_in_force_are_printed_without_secrets(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (desk / "ticket_assets.toml").write_text(
        f'{TOML}kind = "sql"\nurl = "postgresql://desk:s3cr3t@host/db"\ntable = "t"'
    )
    assert main(["settings"]) == 0
    printed = capsys.readouterr().out
    assert '"table": "t"' in printed
    assert "s3cr3t" not in printed


def test_a_source_of_the_command_line_may_be_a_url_and_is_refused_where_no_file_is_read(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (desk / "ticket_assets.toml").write_text(f'{TOML}path = "a.csv"')
    monkeypatch.setenv("TICKET_ASSETS_PROFILES__OWN__SOURCE__PATH", "s3://bucket/tickets")
    settings = load_settings()
    assert remember_source(settings).startswith("s3://bucket/tickets (given to this run")
    monkeypatch.delenv("TICKET_ASSETS_PROFILES__OWN__SOURCE__PATH")
    assert load_settings().active.source.path == "s3://bucket/tickets"
    (desk / "storage" / "own" / "source.json").unlink()
    (desk / "ticket_assets.toml").write_text(f'{TOML}kind = "sql"\nurl = "sqlite:///t.db"\ntable = "t"')
    assert main(["run", "--source", "b.csv"]) == 2
    assert "profile own reads its tickets elsewhere (source.kind = 'sql') and reads no file" in capsys.readouterr().err
