"""Settings of the service: from variables and a file, and refused by name."""

from pathlib import Path

import pytest

from ticket_assets.serving.access.policy import Policy, Scope
from ticket_assets.serving.access.settings import AccessSettings
from ticket_assets.serving.endpoint.description import FIELDS, ROUTES, described
from ticket_assets.serving.endpoint.settings import ServiceSettingsError, load_service_settings


def test_what_nobody_set_is_a_service_of_its_own_folder_closed_to_strangers() -> None:
    settings = load_service_settings()
    assert settings.access.auth == "keys"
    assert settings.service.bundles is None
    assert settings.service.prediction_log.folder == settings.service.state / "log"


def test_a_variable_wins_over_the_file_and_the_file_over_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "service.toml"
    path.write_text('[service]\nthreads = 2\nmost_tickets = 7\nlog.retention_days = 90\n[access]\nauth = "open"\n')
    monkeypatch.setenv("TICKET_ASSETS_SERVICE_CONFIG", str(path))
    monkeypatch.setenv("TICKET_ASSETS_SERVICE__THREADS", "3")
    monkeypatch.setenv("TICKET_ASSETS_SERVICE__LOG__BATCH_ROWS", "50")
    settings = load_service_settings()
    assert (settings.service.threads, settings.service.most_tickets, settings.access.auth) == (3, 7, "open")
    log = settings.service.prediction_log
    assert (log.retention_days, log.batch_rows) == (90, 50)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SERVICE__THREADS", "0", "service.threads: "),
        ("SERVICE__MOST_TICKETS", "many", "service.most_tickets: "),
        ("SERVICE__GRPC__ADDRESS", "50051", "service.grpc.address: write host:port"),
        ("SERVICE__GRPC__KEY", "/nowhere.pem", "service.grpc: certificate and key: TLS wants both files"),
        ("SERVICE__SIMILAR__VECTORS", "/lancedb", "service.similar: vectors and tickets: the vectors lie in one"),
        ("SERVICE__BUNDLES", "/somewhere", "service: bundles and encoders: a store wants both folders"),
        ("SERVICE__LOG__DURABILITY", "perhaps", "service: log.durability: "),
        ("SERVICE__LOG__URL", "mysql://u:hidden@h/d", "service: log.url: mysql is no database of the log"),
        ("ACCESS__AUTH", "maybe", "access.auth: "),
    ],
)
def test_a_wrong_setting_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setenv(f"TICKET_ASSETS_{name}", value)
    with pytest.raises(ServiceSettingsError) as error:
        load_service_settings()
    assert told in str(error.value)
    assert "hidden" not in str(error.value)


def test_a_file_that_is_named_and_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKET_ASSETS_SERVICE_CONFIG", "/nowhere.toml")
    with pytest.raises(ServiceSettingsError, match=r"/nowhere\.toml: there is no such file"):
        load_service_settings()


def test_a_file_that_is_no_toml_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "service.toml").write_text("[service\n")
    monkeypatch.setenv("TICKET_ASSETS_SERVICE_CONFIG", str(tmp_path / "service.toml"))
    with pytest.raises(ServiceSettingsError, match="cannot be read"):
        load_service_settings()


@pytest.mark.parametrize("address", ["none", "off", ""])
def test_grpc_can_be_left_out(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("TICKET_ASSETS_SERVICE__GRPC__ADDRESS", address)
    assert load_service_settings().service.grpc.address is None


def test_every_path_that_is_described_needs_a_scope_and_names_its_fields() -> None:
    policy = Policy.of(AccessSettings(), "x")
    told = described(policy)
    assert set(told["paths"]) == set(ROUTES) == set(FIELDS)
    for path, operations in told["paths"].items():
        assert isinstance(policy.of_path(path).scope, Scope)
        for operation in operations.values():
            assert operation["security"] == [{"key": []}]
            assert {"200", "400", "401", "403", "413", "429"} <= set(operation["responses"])


def test_each_schema_that_the_description_refers_to_is_in_it() -> None:
    told = described(Policy.of(AccessSettings(), "x"))
    schemas, waiting = set(told["components"]["schemas"]), [told]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "$ref" in one:
                assert one["$ref"].rpartition("/")[2] in schemas
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
