"""Whether the bytes of a request are one JSON object that the service may be asked with.

Belongs here: what no model of a request refuses by itself. What BentoML 1.4.39 and pydantic do with each: a number that
is no number (NaN, Infinity, 1e999) is taken for a float; of two fields of one name the last counts; a field that nobody
knows (a slip of the pen in a name, a whole tree below it) is passed over in silence.
Does not belong here: reading the bytes (body.py), the types and bounds of fields (service.py's models).
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, NoReturn

from ticket_assets.serving.access.refusal import Refusal, too_many

_HALF = re.compile("[\ud800-\udfff]")
LONGEST_WHOLE_NUMBER = 18  # digits; what 64 bits hold


@dataclass(frozen=True)
class BodyRules:
    """What a body may be.

    Attributes:
        depth: levels of lists and objects, the body itself being the first.
        fields: names at the top; None: any.
        nul_in: fields at the top in whose text NUL may stand, because cleaning takes it out; a database takes none.
        most_items: per field at the top how many items its list may have.
    """

    depth: int = 32
    fields: Set[str] | None = None
    nul_in: Set[str] = frozenset({"subject", "body", "tickets"})
    most_items: Mapping[str, int] = field(default_factory=dict)


class _Twice(dict[str, Any]):
    """An object one of whose names stood there twice."""

    name = ""


def check_body(content: bytes, rules: BodyRules) -> None:
    """Refuse what is no JSON object, or one of those that nobody refuses later.

    Raises:
        Refusal: 400, 422 for a list that is too long; names the field where it is about one.
    """
    if not content.strip():
        return  # BentoML takes it for an object without fields, and asks for those it needs
    parsed = _parse(content)
    if not isinstance(parsed, dict):
        _refuse("the body is JSON, but no object: send {…}")
    unknown = sorted(set(parsed) - rules.fields) if rules.fields is not None else ()
    if rules.fields is not None and unknown:
        _refuse(f"there is no field {_shown(unknown[0])}; there is {', '.join(sorted(rules.fields))}", unknown[0])
    for name, most in rules.most_items.items():
        items = parsed.get(name)
        if isinstance(items, list) and len(items) > most:  # each of them would be looked at, here and by BentoML
            raise too_many(name, len(items), most)
    for path, value in _walk(parsed, rules.depth):
        _check_value(path, value, rules)


def _parse(content: bytes) -> Any:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        _refuse(f"the body is not UTF-8, from byte {error.start} on")
    if text.startswith("\ufeff"):
        _refuse("the body begins with a byte order mark: send UTF-8 without one")
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=lambda digits: int(digits) if len(digits) <= LONGEST_WHOLE_NUMBER else math.inf,
        )
    except RecursionError:
        _refuse("the body is nested too deeply")
    except json.JSONDecodeError as error:
        _refuse(f"the body is not JSON: {error.msg}, line {error.lineno}, column {error.colno}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    twice, seen = _Twice(made), set[str]()
    for name, _ in pairs:
        if name in seen:
            twice.name = name
            break
        seen.add(name)
    return twice


def _walk(root: dict[str, Any], depth: int) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every value with its path, without recursion.

    Raises:
        Refusal: a value lies deeper.
    """
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), root)]
    while waiting:
        path, value = waiting.pop()
        yield path, value
        if isinstance(value, dict | list):
            if len(path) >= depth:
                _refuse(f"{path[0]} is nested deeper than {depth} levels", str(path[0]))
            inner = value.items() if isinstance(value, dict) else enumerate(value)
            waiting.extend(((*path, name), one) for name, one in inner)


def _check_value(path: tuple[str | int, ...], value: Any, rules: BodyRules) -> None:
    if isinstance(value, _Twice):
        _refuse(f"{_shown(value.name)} stands there twice", _field((*path, value.name)))
    if isinstance(value, float) and not math.isfinite(value):
        _refuse(
            f"{_shown(_field(path))} is no number that can be reckoned with (NaN, Infinity or too large)", _field(path)
        )
    if isinstance(value, dict):
        for name in value:
            if fault := _fault(name, nul_allowed=False):
                within = _field(path)
                _refuse(f"a name in {_shown(within) if within else 'the body'} {fault}", within or name)
    if isinstance(value, str) and (fault := _fault(value, path[0] in rules.nul_in)):
        _refuse(f"{_shown(_field(path))} {fault}", _field(path))


def _fault(text: str, nul_allowed: bool) -> str | None:
    if "\x00" in text and not nul_allowed:
        return "holds the character NUL: take it out"
    if not text.isascii() and _HALF.search(text):
        return "holds half a character (a lone surrogate, \\ud800 to \\udfff): take it out"
    return None


def _field(path: tuple[str | int, ...]) -> str:
    """The name of a place. Made for a fault alone: a name of megabytes above many values would be copied for each."""
    return ".".join(str(part) for part in path if part != "")


def _shown(name: str) -> str:
    """A client's own words, short enough to be sent back."""
    return name if len(name) <= 80 else name[:77] + "…"


def _refuse(message: str, field: str | None = None) -> NoReturn:
    raise Refusal(400, message, field=_shown(field) if field else None)
