"""How labels changed over time: queues renamed, merged and split, and what an old label is called today.

Belongs here: the file that says so, its errors, translating labels of rows and of old predictions.
Does not belong here: which rows are relabelled (curation.py), source values that only spell a label otherwise
(settings: `targets.<name>.values`).

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
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

ORIGINAL = "original"
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


class Split(_Part):
    """One label that became several, told apart by the value of a source column.

    Attributes:
        old: the label that was split.
        column: of the source.
        into: value of the column to label.
        otherwise: label of all other values; without it such rows lose their label.
    """

    old: Name = Field(alias="from")
    column: Name
    into: dict[str, Name] = Field(min_length=1)
    otherwise: Name | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """All that it can become, sorted."""
        return tuple(sorted({*self.into.values(), *([self.otherwise] if self.otherwise else [])}))


class _Version(_Part):
    name: Name
    date: date
    rename: tuple[_Rename, ...] = ()
    merge: tuple[_Merge, ...] = ()
    split: tuple[Split, ...] = ()
    new: tuple[Name, ...] = ()


class _File(_Part):
    version: tuple[_Version, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Version:
    """The changes of one day.

    Attributes:
        name: told in metadata and bundles.
        since: the first day on which tickets carry its labels.
        renamed: old label to new one; merged labels share theirs.
        split: old label to its rule.
        introduced: labels that it brings, or brings back.
    """

    name: str
    since: date
    renamed: Mapping[str, str]
    split: Mapping[str, Split]
    introduced: frozenset[str]


@dataclass(frozen=True)
class Taxonomy:
    """The versions of one target's labels, oldest first; none where its labels never changed."""

    versions: tuple[Version, ...] = field(default=())

    @property
    def current(self) -> str:
        """Name of the version in force."""
        return self.versions[-1].name if self.versions else ORIGINAL

    @property
    def introduced(self) -> frozenset[str]:
        """All labels that any version brought."""
        return frozenset().union(*(version.introduced for version in self.versions))

    @property
    def columns(self) -> tuple[str, ...]:
        """Source columns that its splits read, sorted."""
        return tuple(sorted({split.column for version in self.versions for split in version.split.values()}))

    def label_today(self, label: str, written: date | None, values: Mapping[str, str | None]) -> str | None:
        """What a row's label is called today.

        A name that a version brought back means the new thing in rows from its day on, and the old one before; a row
        without a date is taken for an old one.

        Args:
            label: as the row has it.
            written: day of the row, None where unknown.
            values: the row's values of `columns`.

        Returns:
            The label, or None where a split has no rule for the row.
        """
        for version in self.versions[self._first_change(label, written) :]:
            if label in version.renamed:
                label = version.renamed[label]
            elif label in version.split:
                split = version.split[label]
                found = split.into.get(values.get(split.column) or "", split.otherwise)
                if found is None:
                    return None
                label = found
        return label

    def translate(self, label: str, from_version: str, to_version: str) -> tuple[str, ...]:
        """What a label of one version may be called in a later one, so that old predictions stay comparable.

        Returns:
            Sorted: one label, or where it was split all that it can have become; an old prediction is right if the true
            label is among them.

        Raises:
            ValueError: no such version, or the second is the earlier one.
        """
        start, end = self._place(from_version), self._place(to_version)
        if end < start:
            raise ValueError(
                f"{to_version!r} is before {from_version!r}: translate the older label to the newer version"
            )
        labels = {label}
        for version in self.versions[start:end]:
            labels = {new for old in labels for new in _successors(version, old)}
        return tuple(sorted(labels))

    def _first_change(self, label: str, written: date | None) -> int:
        if written is None:
            return 0
        spoken = [
            place
            for place, version in enumerate(self.versions, start=1)
            if version.since <= written and label in version.introduced
        ]
        return max(spoken, default=0)

    def _place(self, name: str) -> int:
        names = [ORIGINAL, *(version.name for version in self.versions)]
        if name not in names:
            raise ValueError(f"there is no version {name!r} of these labels: name one of {', '.join(names)}")
        return names.index(name)


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
        yield f"split[{place}]", split.old, split


def _successors(version: Version, label: str) -> tuple[str, ...]:
    if label in version.split:
        return version.split[label].labels
    return (version.renamed.get(label, label),)


def _explained(name: str, error: ValidationError) -> Iterator[str]:
    for one in error.errors():
        field_name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in one["loc"]).lstrip(".")
        shown = "missing" if one["type"] == "missing" else repr(one["input"])[:80]
        fix = "take it out" if one["type"] == "extra_forbidden" else "mend it"
        yield f"{name}: {field_name} = {shown}: {one['msg']} ({fix})"
