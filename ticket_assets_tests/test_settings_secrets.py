"""Secrets among the settings of notices and roll-out: never printed, never in an error."""

import json
from pathlib import Path

import pytest

from ticket_assets.__main__ import main
from ticket_assets.settings import PREFIX, SettingsError, load_settings
from ticket_assets_tests.line import PROFILE, Line

SECRET = "s3cr3t"
FIELD = f"{PREFIX}PROFILES__{PROFILE.upper()}__MONITORING"


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = Line.begin(tmp_path)
    with made.environment():
        yield made


def test_addresses_of_notices_and_the_key_of_the_roll_out_are_not_printed(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"{FIELD}__NOTICES__URLS", json.dumps([f"json://host/{SECRET}"]))
    monkeypatch.setenv(f"{FIELD}__ROLLOUT__KEY", SECRET)
    settings = load_settings()
    assert settings.active.monitoring.notices.urls[0].get_secret_value() == f"json://host/{SECRET}"
    assert main(["settings"]) == 0
    said = capsys.readouterr().out
    assert '"urls": "***"' in said and '"key": "***"' in said
    assert SECRET not in said + repr(settings)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("NOTICES__URLS", json.dumps({"a": f"json://host/{SECRET}"})),
        ("NOTICES__URLS", f"json://host/{SECRET}"),
        ("NOTICES__URLS", json.dumps([[f"json://host/{SECRET}"]])),
    ],
)
def test_a_wrong_one_is_named_and_not_shown(
    line: Line, monkeypatch: pytest.MonkeyPatch, field: str, value: str
) -> None:
    monkeypatch.setenv(f"{FIELD}__{field}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert field.lower().replace("__", ".") in str(caught.value).lower().replace("__", ".")
    assert SECRET not in str(caught.value)
