"""The file that says how one target's labels changed: reading it, and what cannot be right in it.

Belongs here: the file, its errors.
Does not belong here: what follows for labels (taxonomy.py).

The file, one per target (`targets.<name>.taxonomy`), its changes in order of their dates:

    [[version]]
    name = "2024-06"
    date = 2024-06-01
    rename = [{ from = "Network", to = "Connectivity" }]
    merge = [{ from = ["Printer", "Scanner"], to = "Office devices" }]
    split = [{ from = "Hardware", column = "product", into = { laptop = "Laptops" }, otherwise = "Other hardware" }]
    new = ["Facilities"]

What stood before the first version is the version "original". All changes of one version happen at once.
"""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ticket_assets.tickets.taxonomy import ORIGINAL, Split, Taxonomy, Version

Name = Annotated[str, Field(min_length=1)]


class TaxonomyError(ValueError):
    """The taxonomy file is wrong; the message names the file, the field, its value and the fix."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class _Rename(_Part):
    old: Name = Field(alias="from")
    to: Name


class _Merge(_Part):
    old: tuple[Name, ...] = Field(alias="from", min_length=2)
    to: Name


class _Split(_Part):
    old: Name = Field(alias="from")
    column: Name
    into: dict[str, Name] = Field(min_length=1)
    otherwise: Name | None = None


class _Version(_Part):
    name: Name
    date: date
    rename: tuple[_Rename, ...] = ()
    merge: tuple[_Merge, ...] = ()
    split: tuple[_Split, ...] = ()
    new: tuple[Name, ...] = ()


class _File(_Part):
    version: tuple[_Version, ...] = Field(min_length=1)


def load_taxonomy(path: Path) -> Taxonomy:
    """Read and check a taxonomy file.

    Raises:
        TaxonomyError: it is missing, no TOML, or says what cannot be.
    """
    try:
        read = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise TaxonomyError(f"{path} cannot be read ({error.strerror}): mend targets.<name>.taxonomy") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TaxonomyError(f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        raise TaxonomyError("\n".join(_explained(path.name, error))) from None
    versions: list[Version] = []
    retired: dict[str, str] = {}
    for place, one in enumerate(read.version):
        where = f"{path.name}: version[{place}]"
        if one.name == ORIGINAL or one.name in {version.name for version in versions}:
            raise TaxonomyError(f"{where}.name = {one.name!r} is taken: give every version a name of its own")
        if versions and one.date <= versions[-1].since:
            raise TaxonomyError(f"{where}.date = {one.date} is not after {versions[-1].since}: order versions by date")
        version = _version(one, where, retired)
        retired |= dict.fromkeys([*version.renamed, *version.split], one.name)
        retired = {name: by for name, by in retired.items() if name not in version.introduced}
        versions.append(version)
    return Taxonomy(tuple(versions))


def _version(read: _Version, where: str, retired: Mapping[str, str]) -> Version:
    renamed: dict[str, str] = {}
    split: dict[str, Split] = {}
    for at, old, new in _changes(read):
        if old in renamed or old in split:
            raise TaxonomyError(f"{where}.{at}.from = {old!r} is changed twice in one version: leave one change")
        if old in retired:
            raise TaxonomyError(
                f"{where}.{at}.from = {old!r} was given up by version {retired[old]!r}: name what it became, or "
                "list it under new of the version that brought it back"
            )
        if isinstance(new, Split):
            split[old] = new
        else:
            renamed[old] = new
    brought = {*renamed.values(), *read.new, *(label for one in split.values() for label in one.labels)}
    return Version(read.name, read.date, renamed, split, frozenset(brought))


def _changes(read: _Version) -> Iterator[tuple[str, str, str | Split]]:
    for place, rename in enumerate(read.rename):
        yield f"rename[{place}]", rename.old, rename.to
    for place, merge in enumerate(read.merge):
        for old in merge.old:
            yield f"merge[{place}]", old, merge.to
    for place, split in enumerate(read.split):
        yield f"split[{place}]", split.old, Split(split.column, split.into, split.otherwise)


def _explained(name: str, error: ValidationError) -> Iterator[str]:
    for one in error.errors():
        field_name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in one["loc"]).lstrip(".")
        shown = "missing" if one["type"] == "missing" else repr(one["input"])[:80]
        fix = "take it out" if one["type"] == "extra_forbidden" else "mend it"
        yield f"{name}: {field_name} = {shown}: {one['msg']} ({fix})"
