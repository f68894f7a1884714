"""From the settings of a source to the source.

Belongs here: which class stands for which kind, relative paths made absolute.
Does not belong here: the settings and their bounds (../../source_settings.py), reading (a module per kind).
"""

from collections.abc import Callable
from pathlib import Path

from ticket_assets.source_settings import SourceSettings
from ticket_assets.tickets.sources.contract import Source, SourceError
from ticket_assets.tickets.sources.files import FileSource
from ticket_assets.tickets.sources.huggingface import HuggingFaceSource
from ticket_assets.tickets.sources.object_store import SCHEME, S3Place
from ticket_assets.tickets.sources.places import LocalPlace


def open_source(settings: SourceSettings, resolve: Callable[[str], Path], generated: Path | None = None) -> Source:
    """The source that the settings describe; nothing is read yet.

    Args:
        settings: of a profile, checked.
        resolve: makes a relative path absolute.
        generated: where generated tickets lie, for kind = sample.

    Raises:
        SourceError: a URL that SQLAlchemy does not understand.
    """
    if settings.kind == "sql":
        return _sql(settings, resolve)
    if settings.kind == "huggingface":
        folder = resolve(settings.dataset or "")
        dataset = str(folder) if folder.is_dir() else settings.dataset or ""
        return HuggingFaceSource(dataset, settings.subset, settings.split, settings.revision)
    if settings.kind == "sample":
        if generated is None:
            raise SourceError("generated tickets lie nowhere yet: materialise tickets/sample")
        return FileSource(LocalPlace(generated))
    path = settings.path or ""
    place = S3Place(settings) if path.startswith(SCHEME) else LocalPlace(resolve(path))
    return FileSource(place, settings.encoding, settings.delimiter, settings.unpacked_mb)


def _sql(settings: SourceSettings, resolve: Callable[[str], Path]) -> Source:
    import sqlalchemy as sa

    from ticket_assets.tickets.sources.sql import SqlSource

    secret = settings.url.get_secret_value() if settings.url else ""
    try:
        url = sa.make_url(secret)
    except (sa.exc.ArgumentError, ValueError):
        # Neither the URL nor SQLAlchemy's words: a password may be in both.
        raise SourceError(
            "source.url is no SQLAlchemy URL: write it as postgresql+psycopg2://user:password@host:5432/database or "
            "sqlite:///tickets.db"
        ) from None
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        url = url.set(database=str(resolve(url.database)))
    return SqlSource(url, settings.table, settings.query, settings.cursor)
