"""Dotted column names, such as `fields.priority.name`, that reach into a nested column.

Belongs here: which names reach where, the DuckDB expression that gets the value.
Does not belong here: reading documents (documents.py), what the columns mean (../curation.py).
"""

from collections.abc import Iterable, Mapping

from ticket_assets.tickets.sources.contract import SourceError


def reaching(wanted: Iterable[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Expressions for the wanted names that are no columns themselves but begin with the name of one.

    Args:
        wanted: names that the settings use.
        columns: name to DuckDB type of the columns that are there.

    Returns:
        Dotted name to expression; the value is text, and NULL where a document has none.

    Raises:
        SourceError: a name begins with a column that holds neither text nor something nested.
    """
    found = {}
    for name in dict.fromkeys(wanted):
        head, *path = name.split(".")
        if path and name not in columns and head in columns:
            found[name] = _expression(name, head, path, columns[head])
    return found


def _expression(name: str, head: str, path: list[str], kind: str) -> str:
    column = '"' + head.replace('"', '""') + '"'
    if kind in ("VARCHAR", "JSON"):
        # A document as text. One that is no JSON has no such value, which quarantine tells.
        document = f"CASE WHEN json_valid({column}) THEN {column}::JSON END"
    elif kind.startswith(("STRUCT", "MAP")) or kind.endswith("]"):
        document = f"to_json({column})"
    else:
        raise SourceError(f"{name!r} reaches into column {head!r}, which is {kind} and holds nothing nested")
    steps = "".join(f"[{step}]" if step.isdigit() else '."' + step.replace('"', '\\"') + '"' for step in path)
    return f"json_extract_string({document}, '${steps.replace(chr(39), chr(39) * 2)}')"
