"""Settings of the guarding: their defaults, the environment, and that no secret shows."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ticket_assets.serving.access.settings import AccessSettings
from ticket_assets.serving.endpoint.settings import ServiceSettingsError, load_service_settings

SECRET = "a-secret-that-nobody-may-ever-see-0123456789"


def test_every_setting_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        **{"AUTH": "open", "KEYS_FILE": str(tmp_path / "keys.json"), "BURST": "7", "OPEN_METRICS": "true"},
        **{"CORS_ORIGINS": '["https://desk.example.com"]', "TOKEN_SECRET": SECRET},
    }.items():
        monkeypatch.setenv(f"TICKET_ASSETS_ACCESS__{name}", value)
    monkeypatch.setenv("TICKET_ASSETS_PROFILE", "demo")
    settings = load_service_settings().access
    assert (settings.auth, settings.keys_file, settings.burst) == ("open", tmp_path / "keys.json", 7)
    assert (settings.open_metrics, settings.cors_origins) == (True, ("https://desk.example.com",))
    assert settings.token_secret is not None
    assert settings.token_secret.get_secret_value() == SECRET


def test_without_anything_it_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TICKET_ASSETS_ACCESS__AUTH", raising=False)
    settings = load_service_settings().access
    assert (settings.auth, settings.keys_file, settings.cors_origins, settings.open_metrics) == (
        "keys",
        None,
        (),
        False,
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"auth": "closed"},
        {"burst": 0},
        {"requests_per_second": -1},
        {"max_body_bytes": 0},
        {"nonsense": 1},
        {"cors_origins": ["desk.example.com"]},
        {"cors_origins": ["https://desk.example.com/"]},
        {"cors_origins": ["ftp://desk.example.com"]},
    ],
)
def test_a_wrong_setting_is_refused_with_its_name(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as refused:
        AccessSettings.model_validate(wrong)
    assert next(iter(wrong)) in str(refused.value)


def test_no_secret_shows_in_settings_or_in_what_is_said_of_wrong_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = AccessSettings.model_validate({"token_secret": SECRET, "keys": f"crm:predict:{'0' * 64}"})
    for shown in (repr(settings), str(settings), settings.model_dump_json(), repr(settings.model_dump())):
        assert SECRET not in shown
        assert "0" * 64 not in shown
    for wrong in (
        {"token_secret": SECRET[:20]},
        {"token_secret": SECRET, "token_secret_file": "x"},
        {"token_secret": SECRET, "burst": 0},
        {"token_secret": [SECRET]},
    ):
        with pytest.raises(ValidationError) as refused:
            AccessSettings.model_validate(wrong)
        assert SECRET[:20] not in str(refused.value)
    monkeypatch.setenv("TICKET_ASSETS_ACCESS__TOKEN_SECRET", SECRET[:20])
    with pytest.raises(ServiceSettingsError) as told:
        load_service_settings()
    assert SECRET[:20] not in str(told.value)
    assert "less than 32 bytes" in str(told.value)
