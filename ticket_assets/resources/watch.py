"""The desk as monitoring sees it: champion, prediction log, labels, tables, what windows are judged with.

Belongs here: turning a profile into the plain objects of monitoring/.
Does not belong here: any arithmetic; everything else that a profile hands out (desk.py).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
from sqlalchemy import Engine

from ticket_assets.features.encoder_manifest import EncoderManifest
from ticket_assets.features.vectors import VectorTable
from ticket_assets.models.neighbours import row_names
from ticket_assets.models.trained_rows import recent_there, trained_names
from ticket_assets.monitoring import judged as files
from ticket_assets.monitoring.day_tables import Labels
from ticket_assets.monitoring.judged import Judged, judged_windows
from ticket_assets.monitoring.judging import Bench, Judge
from ticket_assets.monitoring.reference import NoReferenceError, TicketTables
from ticket_assets.monitoring.reference_store import MadeWith, has_reference, load_reference
from ticket_assets.monitoring_settings import MonitoringSettings
from ticket_assets.profile import Profile
from ticket_assets.resources.desk import Desk
from ticket_assets.serving.bundle import TriageBundle
from ticket_assets.serving.endpoint.settings import log_of
from ticket_assets.serving.fitted import versions
from ticket_assets.serving.manifest import BundleError, BundleManifest
from ticket_assets.serving.prediction_log.schema import reached
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.renamed import former_ids, renamed
from ticket_assets.serving.store import Champion, read_champion
from ticket_assets.storage import ProfileFolders
from ticket_assets.tickets.schema import LABEL_PREFIX

LONGEST = timedelta(days=92)
"""Labels that come later than that reach no table by themselves."""
NO_CHAMPION = "nobody is champion yet, so nothing is watched: make run"
NO_LOG = "there is no prediction log yet: make serve answers tickets, and keeps what it answered"


class Watch:
    """What the assets of monitoring ask for."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.folders: ProfileFolders = desk.folders
        self.active: Profile = desk.active
        self.settings: MonitoringSettings = desk.active.monitoring
        self.champion: Champion | None = read_champion(self.folders.bundles)

    @property
    def folder(self) -> Path:
        """Where all of monitoring lies."""
        return self.folders.monitoring

    @property
    def former(self) -> frozenset[str]:
        """Ids that the champion's bundle had before erasures renamed it."""
        return former_ids(self.champion.bundle, renamed(self.folders.records)) if self.champion else frozenset()

    @property
    def made_with(self) -> MadeWith:
        """What today's reference is made with."""
        window = self.settings.window
        return MadeWith(window.max_rows, window.min_sample, self.desk.settings.seed)

    def since(self, now: datetime) -> datetime:
        """From when on days are kept up to date: since the champion took its seat, if that is not too long ago.

        Of days that the log has forgotten the tables stay as they are.
        """
        assert self.champion is not None
        seated, kept = datetime.fromisoformat(self.champion.since), self.kept_since(now)
        return max(filter(None, (seated, now - LONGEST, kept)))

    @property
    def log(self) -> PredictionLogSettings | None:
        """The log; None where the profile's service has written none yet. It is not begun by looking."""
        log = log_of(self.folders)
        if log is None or (log.database.drivername == "sqlite" and not Path(log.database.database or "").exists()):
            return None
        return log

    @contextmanager
    def engine(self, log: PredictionLogSettings) -> Iterator[Engine]:
        """A reader's way into the log.

        Raises:
            StoreDownError: it cannot be reached, or is of a newer version; the message holds no credentials.
        """
        with reached(log) as engine:
            yield engine

    def kept_since(self, now: datetime) -> datetime | None:
        """From when on the log keeps predictions; None: for ever."""
        log = self.log
        days = log.retention_days if log else None
        return None if days is None else now - timedelta(days=days)

    def labels(self) -> Labels:
        """What the ticket database says now, and which bundle was trained on which ticket.

        Without the lists of these, or without the bundle, nothing is left out.
        """
        if not self._clean.exists():
            return Labels()
        there = set(pq.read_schema(self._clean).names)
        names = {target: name for target in self.active.targets if (name := LABEL_PREFIX + target) in there}
        clean = pd.read_parquet(self._clean, columns=["ticket_id", *names.values()])
        trained, called = cache(self.trained), renamed(self.folders.records)
        return Labels(
            {
                target: dict(clean.loc[clean[name].notna(), ["ticket_id", name]].itertuples(index=False, name=None))
                for target, name in names.items()
            },
            lambda bundle, ticket: row_names([ticket])[0].decode() in trained(called.get(bundle, bundle)),
        )

    def trained(self, bundle: str) -> frozenset[str]:
        """Names (`row_names`) of the tickets that the models of a bundle were trained on, as far as lists tell."""
        try:
            manifest = BundleManifest.read(self.folders.bundles / bundle)
        except BundleError:  # it is gone, and no window waits for its answers
            return frozenset()
        lists = [trained_names(self.folders.trained, version) for version in versions(manifest)]
        return frozenset[str]().union(*filter(None, lists))

    @property
    def _clean(self) -> Path:
        return self.folders.parquet / "tickets" / "clean.parquet"

    def bundle(self) -> TriageBundle:
        """The champion's."""
        assert self.champion is not None
        folder = self.folders.bundles / self.champion.bundle
        return TriageBundle.load(folder, self.folders.encoders, self.desk.settings.threads)

    def tables(self, manifest: BundleManifest) -> TicketTables:
        """The tickets of today, for the reference of a champion."""
        made_from = sorted(versions(manifest))
        lists = [trained_names(self.folders.trained, version) for version in made_from]
        known = [one for one in lists if one is not None]
        ours = (self.desk.feature_schema.languages, self.active.cleaning.mask)
        return TicketTables(
            clean=pd.read_parquet(self._clean),
            split=pd.read_parquet(self.folders.parquet / "models" / "split.parquet"),
            trained=set().union(*known) if known and len(known) == len(lists) else None,
            recent=frozenset().union(*(recent_there(self.folders.trained, version) for version in made_from)),
            vectors=self._vectors(manifest),
            reads_alike=ours == (manifest.languages, manifest.mask),
        )

    def _vectors(self, manifest: BundleManifest) -> VectorTable | None:
        """The vectors that fed a bundle; those of today where none are kept."""
        if manifest.encoder is None or not self.folders.vectors.exists():
            return None
        encoder = manifest.encoder["id"]
        dimensions = EncoderManifest.load(self.folders.encoders / encoder).dimensions
        table = VectorTable(self.folders.vectors, encoder, dimensions)
        return table.as_of(manifest.id) if manifest.id in table.kept() else table

    def without_reference(self) -> str | None:
        """What is missing, and how it is made; None where the champion has a reference, or there is no champion."""
        if self.champion is None or has_reference(self.folder, self.champion.bundle):
            return None
        made = "materialise monitoring/reference, or make monitor"
        return f"champion v{self.champion.version} has no reference yet, so its windows wait: {made}"

    def bench(self) -> Bench:
        """What the champion's windows are judged with.

        Raises:
            NoReferenceError: its reference was not made (`without_reference`).
        """
        assert self.champion is not None
        basis = load_reference(self.folder, self.champion.bundle)
        if basis is None:
            raise NoReferenceError(self.without_reference())
        seed = self.desk.settings.seed
        return Bench(self.folder, self.bundle(), basis, self.settings, self.champion.since, seed, self.former)

    def detector(self, bench: Bench) -> Callable[[], Judge]:
        """What tests its windows: what is costly about the reference is done at the first of them."""

        @cache
        def fit() -> Judge:
            from ticket_assets.monitoring.drift.detector import Detector

            cut = self.desk.active.families.cut
            return Detector.fit(bench.basis.reference, self.settings.drift, bench.seed, self.settings.window, cut)

        return fit

    def judged(self, name: str = files.SUMMARY) -> list[Judged]:
        """The champion's windows that were judged, oldest first."""
        its = self.champion
        return judged_windows(self.folder, name, its.bundle, its.since, self.former) if its else []


def now() -> datetime:
    """UTC."""
    return datetime.now(UTC)
