"""Where files of tickets lie in an S3 bucket: `s3://bucket/prefix`, a key, or a glob over keys.

Belongs here: listing, fingerprints by what the store says of each object, fetching one object at a time.
Does not belong here: files on local disk (places.py), what is in a file (files.py and the readers beside it).

Credentials come from the settings or, where those say nothing, from where every AWS client takes them.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from ticket_assets.source_settings import SourceSettings
from ticket_assets.storage import digest
from ticket_assets.tickets.sources.contract import SourceError
from ticket_assets.tickets.sources.places import is_hidden

SCHEME = "s3://"
_GLOB = re.compile(r"[*?\[]")
_PIECE = 8 * 1024 * 1024


@dataclass(frozen=True)
class S3Place:
    """A prefix, key or glob in a bucket."""

    settings: SourceSettings

    @property
    def name(self) -> str:
        """The URL."""
        return str(self.settings.path)

    def names(self) -> tuple[str, ...]:
        """Keys with their bucket, sorted.

        Raises:
            SourceError: the bucket cannot be listed.
        """
        from pyarrow import fs

        wanted = self.name.removeprefix(SCHEME).rstrip("/")
        fixed = _GLOB.split(wanted, maxsplit=1)[0]
        is_glob = fixed != wanted
        with self._explained():
            if not is_glob and self._store.get_file_info(wanted).type == fs.FileType.File:
                return (wanted,)
            below = fixed.rpartition("/")[0] if is_glob else wanted
            found = self._store.get_file_info(fs.FileSelector(below, recursive=True, allow_not_found=True))
        keys = sorted(info.path for info in found if info.type == fs.FileType.File)
        if is_glob:
            return tuple(key for key in keys if _matches(key, wanted))
        return tuple(key for key in keys if not any(map(is_hidden, PurePosixPath(key).relative_to(wanted).parts)))

    def fingerprint(self, names: tuple[str, ...]) -> str:
        """Hash over the ETags, in order: what the store itself says of each object's content."""
        with self._explained():
            told = [self._store.open_input_file(name).metadata() for name in names]
        return digest(f"{one.get('ETag')} {one.get('Content-Length')}" for one in told)

    def fetch(self, name: str, folder: Path) -> Path:
        """A copy of the object, under the parts of its key that follow the bucket's name.

        Raises:
            SourceError: it cannot be read.
        """
        target = folder.joinpath(*PurePosixPath(name).parts[1:])
        target.parent.mkdir(parents=True, exist_ok=True)
        with self._explained(), self._store.open_input_stream(name) as stream, target.open("wb") as copy:
            shutil.copyfileobj(stream, copy, _PIECE)
        return target

    @cached_property
    def _store(self) -> Any:
        from pyarrow import fs

        chosen = self.settings
        secret = chosen.secret_access_key
        endpoint = chosen.endpoint_url or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        region = chosen.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        return fs.S3FileSystem(
            access_key=chosen.access_key_id,
            secret_key=secret.get_secret_value() if secret else None,
            anonymous=chosen.anonymous,
            endpoint_override=endpoint,
            region=region or "us-east-1",
            connect_timeout=10,
            request_timeout=60,
        )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Name the place and the settings to look at; the store's own words hold no secret."""
        try:
            yield
        except OSError as error:
            raise SourceError(
                f"cannot read {self.name}: {error}. Look at source.path, source.endpoint_url and source.region, and at "
                "the credentials: source.access_key_id with source.secret_access_key, or AWS_ACCESS_KEY_ID with "
                "AWS_SECRET_ACCESS_KEY, or source.anonymous = true"
            ) from None


def _matches(key: str, pattern: str) -> bool:
    """As a glob on local disk does: `*` stays within a part, `**` stands for any number of parts."""
    return _parts_match(key.split("/"), pattern.split("/"))


def _parts_match(parts: list[str], patterns: list[str]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_parts_match(parts[skipped:], patterns[1:]) for skipped in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], patterns[0]) and _parts_match(parts[1:], patterns[1:])
