"""Settings that may not change on a filled root, as its identity keeps them: what changed, in words.

Belongs here: comparing what a root was filled with and what is set now.
Does not belong here: which settings those are (profile.py), refusing (storage.py).
"""

import json
from collections.abc import Mapping
from typing import Any

# What the hashes of an identity are of, in its file; not there in one that an earlier version wrote.
FROZEN = "frozen"


def changes(part: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What is another thing than it was in a part of an identity, one sentence each."""
    if before.get(part) == now[part]:
        return []
    was, became = (_settings(part, one.get(FROZEN, {}).get(part, {})) for one in (before, now))
    if not was or not became:
        return [f"{part} was {before.get(part)}, is {now[part]}"]
    names = sorted(name for name in was.keys() | became.keys() if was.get(name) != became.get(name))
    return [f"{name} was {was.get(name, 'not there')}, is {became.get(name, 'not there')}" for name in names]


def _settings(name: str, value: Any) -> dict[str, str]:
    """Dotted names of single settings to their values as JSON."""
    if not isinstance(value, Mapping) or not value:
        return {} if value == {} else {name.removeprefix("source."): json.dumps(value, ensure_ascii=False)}
    return {told: said for key, one in value.items() for told, said in _settings(f"{name}.{key}", one).items()}
