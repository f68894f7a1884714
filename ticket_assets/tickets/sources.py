"""Reading the files that tickets come in.

Belongs here: finding files, their fingerprint, one DuckDB query per format.
Does not belong here: which rows are new (snapshot.py), what the columns mean (curation.py).
"""

import re
from pathlib import Path

from ticket_assets.storage import digest, file_digest

# Values of CSV and JSON stay text: a type guessed from today's rows changes with tomorrow's. The dialect of a CSV is
# told, for DuckDB's guess makes broken files readable by dropping rows.
_READERS = {
    ".parquet": "read_parquet([{files}], union_by_name = true)",
    ".csv": (
        "read_csv([{files}], union_by_name = true, all_varchar = true, header = true, strict_mode = true, "
        "skip = 0, delim = '{delimiter}', quote = '\"', escape = '\"')"
    ),
    ".jsonl": (
        "(SELECT COLUMNS(*) ->> '$' FROM read_json([{files}], union_by_name = true, format = 'newline_delimited', "
        "maximum_depth = 1, sample_size = -1))"
    ),
}
_DELIMITERS = ",;\t|"
_QUOTED = re.compile(r'"[^"]*"')


class SourceError(ValueError):
    """The source cannot be read; the message names the file and the fix."""


def source_files(pattern: Path) -> tuple[Path, ...]:
    """Files that a path or glob names, sorted.

    Raises:
        SourceError: no such file, mixed formats, or a format that is not read.
    """
    if pattern.is_file():  # also one whose name holds a glob's brackets
        found = [pattern]
    else:
        matches = Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))
        found = sorted(match for match in matches if match.is_file())
    files = tuple(found)
    if not files:
        raise SourceError(f"no ticket file at {pattern}: set source.path of the profile")
    suffixes = {file.suffix.lower() for file in files}
    if len(suffixes) > 1:
        raise SourceError(f"{pattern} names files of several formats {sorted(suffixes)}: narrow the pattern")
    if not suffixes <= _READERS.keys():
        raise SourceError(f"{files[0].name} is none of {', '.join(_READERS)}: convert it, or mend source.path")
    return files


def fingerprint(files: tuple[Path, ...]) -> str:
    """Content hash over the files, in order; their names and times do not count."""
    return digest(file_digest(file) for file in files)


def scan(files: tuple[Path, ...]) -> str:
    """A DuckDB table expression over the files; a file without a byte adds nothing, not even a column.

    Raises:
        SourceError: CSV files of several delimiters.
    """
    filled = [file for file in files if file.stat().st_size] or list(files)
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in filled)
    suffix = filled[0].suffix.lower()
    return _READERS[suffix].format(files=listed, delimiter=_delimiter(filled) if suffix == ".csv" else "")


def _delimiter(files: list[Path]) -> str:
    """What parts the columns, by the first line: the header, in which no delimiter stands unquoted by chance."""
    found: dict[str, Path] = {}
    for file in files:
        with file.open(encoding="utf-8", errors="replace") as stream:
            header = _QUOTED.sub("", stream.readline())
        found.setdefault(max(_DELIMITERS, key=header.count), file)
    if len(found) > 1:
        parted = ", ".join(f"{file.name} by {delimiter!r}" for delimiter, file in found.items())
        raise SourceError(f"the columns of these files are parted differently ({parted}): convert one of them")
    return next(iter(found))
