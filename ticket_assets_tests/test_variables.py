"""A wrong setting that comes from a variable: the variable is named, with its value and where it stands."""

from pathlib import Path

import pytest

from ticket_assets.settings import PREFIX
from ticket_assets_tests.test_settings import TOML, home, refusal

__all__ = ["home"]  # the fixture


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PROFILES__DESK__SEARCH__FAMILIES", "xgboost"),
        ("PROFILES__DESK__SEARCH", '{"minutes":'),
        ("PROFILES", "{"),
    ],
)
@pytest.mark.parametrize("in_file", [False, True])
def test_a_variable_that_is_no_json_is_named_with_its_value_its_place_and_the_fix(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, in_file: bool
) -> None:
    """It said that field "profiles" could not be parsed, of some thirty variables that may be meant."""
    monkeypatch.setenv(f"{PREFIX}THREADS", "2")
    if in_file:
        (home / ".env").write_text(f"{PREFIX}{name}='{value}'\n")
    else:
        monkeypatch.setenv(f"{PREFIX}{name}", value)
    message = refusal(home)
    place = home / ".env" if in_file else "the environment"
    assert f"{PREFIX}{name} = {value!r} is no JSON: write JSON" in message
    assert message.endswith(f"or unset it in {place}")
    assert "THREADS" not in message


def test_a_variable_that_is_no_json_does_not_show_a_secret(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}PROFILES__DESK__SOURCE", '{"url": "postgresql://me:hidden@host/db"')
    message = refusal(home)
    assert f"{PREFIX}PROFILES__DESK__SOURCE = *** is no JSON" in message and "hidden" not in message


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("PROFILES__DESK__SEARCH__MINUTES", "abc", "search.minutes = 'abc'"),
        ("PROFILES__DESK__SEARCH__FAMILIES", '["zzz"]', "search.families.0 = 'zzz'"),
        ("PROFILES__DESK__SEARCH", '{"minutes": -1}', "search.minutes = -1"),
    ],
)
def test_a_wrong_value_of_a_variable_names_the_variable_and_not_the_file(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str
) -> None:
    monkeypatch.setenv(f"{PREFIX}{name}", value)
    message = refusal(home, TOML + "split.folds = 1\n")
    (line,) = [one for one in message.splitlines() if f"profiles.desk.{field}:" in one]
    assert line.endswith(f"(mend or unset {PREFIX}{name}, which stands in the environment)")
    assert "profiles.desk.split.folds = 1" in message and "(mend it in ticket_assets.toml" in message
