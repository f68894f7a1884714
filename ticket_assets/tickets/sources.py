"""Reading the files that tickets come in.

Belongs here: finding files, their fingerprint, one DuckDB query per format.
Does not belong here: which rows are new (snapshot.py), what the columns mean (curation.py).
"""

from pathlib import Path

from ticket_assets.storage import digest, file_digest

# CSV values stay text: a type guessed from today's rows changes with tomorrow's.
_READERS = {
    ".parquet": "read_parquet({files}, union_by_name = true)",
    ".csv": "read_csv({files}, union_by_name = true, all_varchar = true, header = true, strict_mode = true)",
    ".jsonl": "read_json({files}, union_by_name = true, format = 'newline_delimited')",
}


class SourceError(ValueError):
    """The source cannot be read; the message names the file and the fix."""


def source_files(pattern: Path) -> tuple[Path, ...]:
    """Files that a path or glob names, sorted.

    Raises:
        SourceError: no such file, mixed formats, or a format that is not read.
    """
    files = tuple(
        sorted(
            found for found in Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))) if found.is_file()
        )
    )
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
    """A DuckDB table expression over the files."""
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
    return _READERS[files[0].suffix.lower()].format(files=f"[{listed}]")
