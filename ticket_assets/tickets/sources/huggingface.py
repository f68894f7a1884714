"""Tickets in a Hugging Face dataset, on the hub or in a folder, through the library `datasets`.

Belongs here: loading a split at a revision, label numbers as their names.
Does not belong here: tokens (the library takes HF_TOKEN from the environment), storing rows (landing.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ticket_assets.storage import digest
from ticket_assets.tickets.sources.contract import Cursor, SourceError
from ticket_assets.tickets.sources.landing import Landing
from ticket_assets.tickets.sources.places import fingerprint, local_files

CHUNK = 20_000


@dataclass(frozen=True)
class HuggingFaceSource:
    """One split of a dataset.

    Attributes:
        dataset: name on the hub, or absolute path of a folder.
        subset: which configuration; None where there is one.
        split: as the library writes it, such as `train` or `train+test`.
        revision: branch, tag or commit on the hub; None for its main branch.
    """

    dataset: str
    subset: str | None = None
    split: str = "train"
    revision: str | None = None

    @property
    def name(self) -> str:
        """The name and what of it is read."""
        return f"{self.dataset} ({', '.join(filter(None, (self.subset, self.split, self.revision)))})"

    def fingerprint(self) -> str:
        """The commit that the revision stands for; of a folder, its content."""
        if self._is_folder:
            return fingerprint(local_files(Path(self.dataset)))
        with self._explained():
            from huggingface_hub import HfApi

            commit = HfApi().dataset_info(self.dataset, revision=self.revision).sha
        return digest([str(commit), self.subset or "", self.split])

    def read(self, landing: Landing, since: Cursor | None) -> None:
        """All rows of the split; the library keeps what it loads on disk, and hands it on in chunks."""
        with self._explained():
            from datasets import ClassLabel, load_dataset

            # What is on the hub is kept for the next reading; a folder is at hand already.
            cache = str(landing.folder / "loaded") if self._is_folder else None
            loaded = load_dataset(self.dataset, self.subset, split=self.split, revision=self.revision, cache_dir=cache)
            names = {name: kind.names for name, kind in loaded.features.items() if isinstance(kind, ClassLabel)}
            for chunk in loaded.with_format("arrow").iter(CHUNK):
                landing.add_table(_named(chunk, names))
        landing.tell("rows loaded", str(loaded.num_rows))

    @property
    def _is_folder(self) -> bool:
        return Path(self.dataset).is_dir()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what the library raises into an error that says what to do."""
        try:
            yield
        except ImportError as error:
            raise SourceError(
                f"source.kind = 'huggingface' needs a library that is not there ({error}): install "
                "ticket-assets[huggingface]"
            ) from None
        except SourceError:
            raise
        except Exception as error:
            if not _is_about_the_dataset(error):
                raise
            raise SourceError(
                f"cannot load {self.name}: {type(error).__name__}: {error}. Look at source.dataset, source.subset, "
                "source.split and source.revision; a private one needs HF_TOKEN in the environment; without a way to "
                "the hub give source.dataset a folder that holds the files"
            ) from None


def _is_about_the_dataset(error: Exception) -> bool:
    """What the libraries raise for a name, a split or a network; anything else is a bug and stays itself."""
    # The hub's client is built on httpx or its successor, by version; the errors of neither are OSErrors.
    clients = {kind.__module__.partition(".")[0] for kind in type(error).__mro__} & {"httpx", "httpx2", "datasets"}
    return bool(clients) or isinstance(error, OSError | ValueError)


def _named(chunk: pa.Table, names: dict[str, list[str]]) -> pa.Table:
    """The chunk with the names of labels in place of their numbers; -1 stands for none."""
    for column, labels in names.items():
        numbers: Any = chunk.column(column).to_pylist()
        said = [None if number is None or number < 0 else labels[number] for number in numbers]
        chunk = chunk.set_column(chunk.schema.get_field_index(column), column, pa.array(said, pa.string()))
    return chunk
