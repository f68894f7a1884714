"""Settings as they stand in environment variables and `.env`: which one said what, and which cannot be read.

Belongs here: finding the variable behind a wrong setting.
Does not belong here: the settings, the words of their errors (settings.py).
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource


@dataclass(frozen=True)
class Variable:
    """One variable.

    Attributes:
        name: in capitals.
        value: as it was given.
        place: where it stands: the environment, or a file.
    """

    name: str
    value: str
    place: str


def given(settings: type[BaseSettings], prefix: str, dotenv: Path) -> list[Variable]:
    """The variables of the settings, those of the environment first, which win."""
    there = {name.upper(): value for name, value in os.environ.items() if name.upper().startswith(prefix)}
    found = [Variable(name, value, "the environment") for name, value in there.items()]
    written = DotEnvSettingsSource(settings, env_file=dotenv).env_vars
    lines = {name.upper(): value for name, value in written.items() if value is not None}
    return found + [
        Variable(name, value, str(dotenv))
        for name, value in lines.items()
        if name.startswith(prefix) and name not in there
    ]


def behind(variables: Sequence[Variable], prefix: str, place: Sequence[str | int]) -> Variable | None:
    """The variable that a setting comes from, alone or inside a JSON value; None where it is none of them."""
    for depth in range(len(place), 0, -1):
        name = prefix + "__".join(map(str, place[:depth])).upper()
        for one in variables:
            if one.name == name and (depth == len(place) or _holds(one.value, place[depth:])):
                return one
    return None


def unreadable(settings: type[BaseSettings], prefix: str, variables: Sequence[Variable]) -> list[Variable]:
    """Those that must be JSON and are none."""
    source = EnvSettingsSource(settings)
    return [one for one in variables if not _is_read(source, settings, prefix, one)]


def _is_read(source: EnvSettingsSource, settings: type[BaseSettings], prefix: str, one: Variable) -> bool:
    for name, field in settings.model_fields.items():
        try:
            source.explode_env_vars(name, field, {one.name.lower(): one.value})
            if one.name == f"{prefix}{name}".upper() and source.field_is_complex(field):
                json.loads(one.value)
        except ValueError:
            return False
    return True


def _holds(value: str, place: Sequence[str | int]) -> bool:
    try:
        found: Any = json.loads(value)
        for part in place:
            found = found[part]
    except (ValueError, LookupError, TypeError):
        return False
    return True
