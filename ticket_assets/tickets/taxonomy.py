"""How labels changed over time: queues renamed, merged and split, and what a label of one time is called at another.

Belongs here: translating labels of rows and of old predictions between versions.
Does not belong here: the file that says so (taxonomy_file.py), which rows are relabelled (curation.py), an old bundle's
probabilities (serving/translation.py), source values that only spell a label otherwise (settings:
`targets.<name>.values`).

What stood before the first version is the version "original". All changes of one version happen at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

ORIGINAL = "original"


@dataclass(frozen=True)
class Split:
    """One label that became several, told apart by the value of a source column.

    Attributes:
        column: of the source.
        into: value of the column to label.
        otherwise: label of all other values; without it such rows lose their label.
    """

    column: str
    into: Mapping[str, str]
    otherwise: str | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """All that a label can become by it, sorted."""
        return tuple(sorted({*self.into.values(), *([self.otherwise] if self.otherwise else [])}))


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
        """What a label of one version is called in another, later or earlier; a label that never changed, as it is.

        Every label of a version is among the translations back of its translation: what it became can have come of it.
        That asks of the file that a label which takes in another one is named by a merge, not by a rename onto it.

        Returns:
            Sorted. Later: one label, or where it was split all that it can have become. Earlier: all that can have
            become it, none where the label is newer than the version.

        Raises:
            ValueError: no such version.
        """
        start, end = self._place(from_version), self._place(to_version)
        labels = {label}
        for version in self.versions[start:end]:
            labels = {new for old in labels for new in _successors(version, old)}
        for version in reversed(self.versions[end:start]):
            labels = {old for new in labels for old in _predecessors(version, new)}
        return tuple(sorted(labels))

    def is_before(self, one: str, other: str) -> bool:
        """Whether a version is earlier than another.

        Raises:
            ValueError: no such version.
        """
        return self._place(one) < self._place(other)

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


def _successors(version: Version, label: str) -> tuple[str, ...]:
    if label in version.split:
        return version.split[label].labels
    return (version.renamed.get(label, label),)


def _predecessors(version: Version, label: str) -> set[str]:
    before = {old for old, new in version.renamed.items() if new == label}
    before |= {old for old, split in version.split.items() if label in split.labels}
    changed = label in version.introduced or label in version.renamed or label in version.split
    return before if changed else {*before, label}
