"""Settings: what is refused, in which words, and which source of a value wins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ticket_assets.band_settings import BandSettings
from ticket_assets.profile import Profile
from ticket_assets.settings import PREFIX, SettingsError, load_settings, resolve, settings_file

DESK = {"source": {"kind": "sample"}, "columns": {"body": "text"}, "targets": {"queue": {"column": "queue"}}}
TOML = """
profile = "desk"
threads = 2
[profiles.desk]
source = { kind = "sample" }
columns = { body = "text" }
targets.queue.column = "queue"
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file of its own for every test, and no variable from outside."""
    import os

    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(f"{PREFIX}CONFIG", str(tmp_path / "ticket_assets.toml"))
    (tmp_path / "ticket_assets.toml").write_text(TOML)
    return tmp_path


def refusal(home: Path, toml: str = TOML) -> str:
    (home / "ticket_assets.toml").write_text(toml)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return str(caught.value)


def test_a_wrong_value_is_refused_with_field_value_and_fix(home: Path) -> None:
    message = refusal(home, TOML + "search.minutes = -1\nsplit.folds = 1\n")
    assert "profiles.desk.search.minutes = -1: Input should be greater than 0" in message
    assert f"mend it in ticket_assets.toml, or set {PREFIX}PROFILES__DESK__SEARCH__MINUTES" in message
    assert "profiles.desk.split.folds = 1" in message, "all faults are told at once"


def test_a_missing_value_and_a_long_one_are_told_in_one_line_each(home: Path) -> None:
    message = refusal(
        home, TOML.replace('columns = { body = "text" }', f'columns = "{"x" * 200}"').replace("queue", "Q")
    )
    assert "profiles.desk.columns = 'xxx" in message and "x…:" in message
    assert len(message.splitlines()) == 3
    assert "profiles = missing: Field required" in refusal(home, 'profile = "desk"')


def test_an_unknown_key_is_refused_with_the_advice_to_take_it_out(home: Path) -> None:
    message = refusal(home, TOML + "search.minute = 3\n")
    assert "profiles.desk.search.minute = 3: there is no such setting (take it out of ticket_assets.toml" in message


def test_what_is_no_toml_is_refused_by_name(home: Path) -> None:
    assert f"{home / 'ticket_assets.toml'} is not TOML" in refusal(home, "profile = [")


def test_without_a_settings_file_the_message_says_how_to_name_one(home: Path) -> None:
    settings_file().unlink()
    with pytest.raises(SettingsError, match=f"no settings file .*set {PREFIX}CONFIG"):
        load_settings()


def test_environment_beats_dotenv_beats_toml(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().threads == 2
    (home / ".env").write_text(f"{PREFIX}THREADS=3\n{PREFIX}PROFILES__DESK__SEARCH__MINUTES=4\n")
    assert (load_settings().threads, load_settings().active.search.minutes) == (3, 4)
    monkeypatch.setenv(f"{PREFIX}THREADS", "5")
    assert (load_settings().threads, load_settings(threads=6).threads) == (5, 6)


def test_dotenv_may_hold_variables_of_other_programs_but_no_unknown_ones_of_ours(home: Path) -> None:
    (home / ".env").write_text("AWS_PROFILE=desk\n")
    assert load_settings().threads == 2
    (home / ".env").write_text(f"{PREFIX}THREAD=3\n")
    assert "thread = '3': there is no such setting" in refusal(home)


def test_relative_paths_count_from_the_settings_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "elsewhere").mkdir()
    monkeypatch.chdir(home / "elsewhere")
    settings = load_settings()
    assert settings.profile_root == home.resolve() / "storage" / "desk"
    assert resolve("data/a.csv") == home.resolve() / "data" / "a.csv"
    assert resolve("/data/a.csv") == Path("/data/a.csv")
    monkeypatch.setenv(f"{PREFIX}CONFIG", "../ticket_assets.toml")
    assert settings_file() == home.resolve() / "ticket_assets.toml"


@pytest.mark.parametrize("profile", ["demo", "it_service", "helpdesk"])
def test_the_three_shipped_profiles_load(profile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"{PREFIX}CONFIG")
    settings = load_settings(profile=profile)
    assert settings.active is settings.profiles[profile]
    assert set(settings.profiles) == {"demo", "it_service", "helpdesk"}
    declared = settings.active.columns.known_at
    assert all(declared.get(name) == "arrival" for name in settings.active.features.context)


def test_a_profile_of_ones_own_loads_beside_the_others(home: Path) -> None:
    settings_file().write_text(
        TOML + '[profiles.mine]\nsource.path = "t.csv"\ncolumns = { body = "b" }\ntargets.team.column = "t"\n'
    )
    assert load_settings(profile="mine").active.source.path == "t.csv"


def test_a_profile_that_is_not_there_is_named_with_those_that_are(home: Path) -> None:
    """The whole of the settings used to stand in this message, passwords of database URLs included."""
    url = 'optuna_storage_url = "postgresql://me:secret@host/db"\n'
    message = refusal(home, url + TOML.replace('"desk"', '"other"'))
    assert "profile = 'other' is not among the profiles (desk)" in message
    assert "secret" not in message


@pytest.mark.parametrize("name", ["../desk", "my desk", "Desk", "my-desk", "1st"])
def test_a_profile_name_that_fits_no_path_or_variable_is_refused(home: Path, name: str) -> None:
    assert "use a-z, 0-9 and _" in refusal(home, TOML.replace('"desk"', f'"{name}"').replace(".desk", f'."{name}"'))


@pytest.mark.parametrize("name", ["Queue", "a-b", "a b", "1st", "été", ""])
def test_a_target_name_that_fits_no_asset_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="use a-z, 0-9 and _"):
        Profile.model_validate({**DESK, "targets": {name: {"column": "queue"}}})


def test_at_least_one_target_is_asked_for() -> None:
    with pytest.raises(ValueError, match="targets"):
        Profile.model_validate({**DESK, "targets": {}})


def test_files_need_a_path() -> None:
    with pytest.raises(ValueError, match="needs path"):
        Profile.model_validate({**DESK, "source": {"kind": "files"}})


@pytest.mark.parametrize(("field", "value"), [("runtime", "sentence-transformers"), ("precision", "int8")])
def test_an_encoder_that_cannot_be_served_is_refused_at_the_start(home: Path, field: str, value: str) -> None:
    """It was accepted here, searched with for hours, and refused by the bundle."""
    message = refusal(home, TOML + f'encoder.{field} = "{value}"\n')
    assert f"profiles.desk.encoder.{field} = '{value}': Input should be " in message
    assert f"set {PREFIX}PROFILES__DESK__ENCODER__{field.upper()}" in message


@pytest.mark.parametrize("runtime", ["onnx", "static", "auto"])
def test_a_precision_is_refused_beside_a_runtime_that_has_none(home: Path, runtime: str) -> None:
    message = refusal(home, TOML + f'encoder = {{ runtime = "{runtime}", precision = "bf16" }}\n')
    assert f'precision = "bf16" is one of runtime = "openvino", not of "{runtime}"' in message


@pytest.mark.parametrize("root", ["s3://bucket/desk", "file:///data", "gs://bucket"])
def test_a_storage_root_behind_a_url_is_refused(home: Path, root: str) -> None:
    """It made a local folder named s3:."""
    message = refusal(home, f'storage_root = "{root}"\n' + TOML)
    assert f"storage_root = '{root}': state lies in a local folder, not behind a URL: give a path" in message


@pytest.mark.parametrize(
    ("known_at", "reason"),
    [
        ({}, 'of which is not said when it is known: set columns.known_at.channel = "arrival"'),
        ({"channel": "resolution"}, "known only at resolution: take it out"),
    ],
)
def test_a_context_that_no_model_may_see_is_refused_at_the_start(known_at: dict[str, str], reason: str) -> None:
    """It failed in the third step, after the whole source was read and cleaned."""
    columns = {"body": "text", "known_at": known_at}
    with pytest.raises(ValueError, match=re.escape(f"features.context names 'channel', {reason}")):
        Profile.model_validate({**DESK, "columns": columns, "features": {"context": ["channel"]}})


def test_a_context_that_is_a_label_is_refused_and_one_known_at_arrival_is_taken() -> None:
    columns = {"body": "text", "known_at": {"queue": "arrival", "channel": "arrival"}}
    with pytest.raises(ValueError, match=r"features.context names 'queue', the label of a target: take it out"):
        Profile.model_validate({**DESK, "columns": columns, "features": {"context": ["queue"]}})
    taken = Profile.model_validate({**DESK, "columns": columns, "features": {"context": ["channel"]}})
    assert taken.features.context == ("channel",)


def test_bands_must_be_in_order() -> None:
    with pytest.raises(ValueError, match=r"act = 0.85 is not above suggest = 0.9: set both"):
        BandSettings(suggest=0.9)


PROMISE = {"act": 0.95, "suggest": 0.8}
COST = {"wrong_act": 10, "wrong_suggest": 2, "by_hand": 1}


@pytest.mark.parametrize(
    ("bands", "reason"),
    [
        (
            {"act": 0.9, "promise": PROMISE},
            "bands are given by act, promise: keep one of act and suggest, promise, cost",
        ),
        ({"promise": PROMISE, "cost": COST}, "bands are given by promise, cost: keep one"),
        ({"act": 0.9, "suggest": 0.5, "cost": COST}, "bands are given by act and suggest, cost: keep one"),
        ({"promise": {"act": 0.8, "suggest": 0.8}}, "promise.suggest = 0.8 must be below promise.act = 0.8"),
        ({"cost": {**COST, "confirm": 1}}, "cost.confirm = 1.0 must be below cost.by_hand and cost.wrong_suggest"),
        ({"cost": {**COST, "wrong_suggest": 10}}, "cost.wrong_suggest = 10.0 must be below cost.wrong_act = 10.0"),
        ({"targets": {"quue": {"act": 0.9}}}, "bands.targets names quue; the targets are queue"),
        ({"targets": {"queue": {"act": 0.9, "promise": PROMISE}}}, "bands are given by act, promise: keep one"),
    ],
)
def test_bands_have_one_rule_and_it_makes_sense(bands: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        Profile.model_validate({**DESK, "bands": bands})


def test_a_target_may_have_a_rule_of_its_own_and_the_others_keep_the_profile_s() -> None:
    bands = Profile.model_validate({**DESK, "bands": {"promise": PROMISE, "targets": {"queue": {"cost": COST}}}}).bands
    assert (bands.of("queue").kind, bands.of("type").kind, BandSettings().of("queue").kind) == (
        "cost",
        "promise",
        "fixed",
    )
    assert bands.of("queue").cost is not None and bands.of("queue").cost.confirm == 0.2


@pytest.mark.parametrize("part", ["subject", "body"])
@pytest.mark.parametrize("late", [{"known_at": {"late": "resolution"}}, {}])
def test_a_text_that_is_known_only_at_resolution_is_refused(part: str, late: dict[str, object]) -> None:
    """The leakage guard looks at context columns; the texts themselves come in by another door."""
    targets = {"queue": {"column": "queue" if late else "late"}}
    with pytest.raises(ValueError, match=f"columns.{part} = 'late' is known only at resolution"):
        Profile.model_validate({**DESK, "targets": targets, "columns": {"body": "text", **late, part: "late"}})


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({"source": {"kind": "sample", "seed": 8}}, {"source"}),
        ({"columns": {"body": "text", "id": "id"}}, {"source"}),
        ({"targets": {"queue": {"column": "queue", "values": {"a": "b"}}}}, {"targets"}),
        ({"targets": {"team": {"column": "queue"}}}, {"targets"}),
        ({"search": {"minutes": 1}, "split": {"seed": 1}}, set()),
        (
            {"columns": {"body": "text", "known_at": {"channel": "arrival"}}, "features": {"context": ["channel"]}},
            set(),
        ),
        ({"columns": {"body": "text", "date_order": "day_first"}}, set()),
    ],
)
def test_identity_moves_with_source_columns_and_targets_only(change: dict[str, object], moved: set[str]) -> None:
    before, after = Profile.model_validate(DESK).identity(), Profile.model_validate({**DESK, **change}).identity()
    assert {key for key in before if before[key] != after[key]} == moved


def test_a_source_that_is_moved_keeps_the_identity(home: Path) -> None:
    """The path was part of it: files given by another name were refused as another desk's."""
    one, two = (Profile.model_validate({**DESK, "source": {"path": name}}) for name in ("a.csv", "b.csv"))
    assert one.identity() == two.identity() != Profile.model_validate(DESK).identity()


def test_a_new_setting_leaves_the_identity_of_filled_roots_as_it_is() -> None:
    """A new field with a default moved it once; every root there was asked for an upgrade that knew nothing of it."""
    assert Profile.model_validate(DESK).identity() == {"source": "60bdb4b97940", "targets": "1f5f90f34de1"}
