"""A small profile with a champion in its seat, and the log of a service that answered with it.

Here: what tests of monitoring share: tables, a real bundle of a toy model (serving/toys.py), a real log, traffic.
Not here: any test; fixtures (conftest.py).

Tickets are eight words of a small language; the truth is `loud` where six of them or more are shouted, but for one in
eight that people see otherwise. The toy has no encoder, so all of this takes milliseconds.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from ticket_assets.models.trained_rows import keep_trained
from ticket_assets.monitoring.day_tables import Labels, write_day
from ticket_assets.monitoring.reference import make_reference
from ticket_assets.monitoring.reference_store import save_reference
from ticket_assets.resources.desk import Desk
from ticket_assets.resources.watch import Watch
from ticket_assets.serving.bundle import MODEL_CARD, TriageBundle, rewrite_bundle, write_bundle
from ticket_assets.serving.prediction import Ticket
from ticket_assets.serving.prediction_log.engine import writing
from ticket_assets.serving.prediction_log.lines import Line as LogLine
from ticket_assets.serving.prediction_log.records import Answer, FeedbackRecord, PredictionRecord, TargetAnswer
from ticket_assets.serving.prediction_log.rows import write_records
from ticket_assets.serving.prediction_log.schema import store_of
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.store import Champion, write_champion
from ticket_assets.storage import ProfileFolders, append_record
from ticket_assets.tables import write_parquet
from ticket_assets.tickets.language import detect_languages
from ticket_assets.tickets.ledger import BUNDLE, LEDGER
from ticket_assets_tests.serving.conftest import toy_fields
from ticket_assets_tests.serving.toys import hearing

PROFILE = "watched"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TARGET = "tone"
SETTINGS = """
profile = "watched"
storage_root = "storage"
threads = 1
[profiles.watched]
licence = "generated"
source = {{ kind = "files", path = "tickets.parquet" }}
targets.tone.column = "tone"
features.languages = ["en", "de"]
[profiles.watched.columns]
id = "ticket_id"
subject = "subject"
body = "body"
[profiles.watched.monitoring]
{monitoring}
"""
WINDOWS = "window = { predictions = 300, min_sample = 100, max_days = 7, max_rows = 5000 }"
_SYLLABLES = ("ma", "ke", "ro", "ti", "su", "lan", "dor", "vi", "pe", "nu")
WORDS = tuple(f"{one}{two}{three}" for one in _SYLLABLES for two in _SYLLABLES for three in _SYLLABLES[:4])
NEW_WORDS = tuple(f"zyx{word}q" for word in WORDS)


@dataclass(frozen=True)
class Spoken:
    """n tickets with what is right of each."""

    texts: tuple[str, ...]
    truth: tuple[str, ...]


# What a toy adds to the score of `quiet` (serving/toys.py): these words are longer than those it was made from.
WELL, DEAF = -1.0, -0.5
LOUD_FROM = 6


def spoken(
    n: int, seed: int, words: Sequence[str] = WORDS, wrong: float = 0.125, shouting: tuple[int, int] = (0, 8)
) -> Spoken:
    """Tickets of a seed that shout so many words at least and at most; so many of them people see otherwise."""
    rng = np.random.default_rng(seed)
    rank = 1 / np.arange(1, len(words) + 1)
    texts, truth = [], []
    for _ in range(n):
        said, shouted = rng.choice(words, 8, p=rank / rank.sum()), int(rng.integers(shouting[0], shouting[1] + 1))
        texts.append(" ".join(word.upper() if place < shouted else word for place, word in enumerate(said)))
        loud = (shouted >= LOUD_FROM) ^ (rng.random() < wrong)
        truth.append("loud" if loud else "quiet")
    return Spoken(tuple(texts), tuple(truth))


@dataclass
class Watched:
    """The profile, its log, and when things happen in it."""

    folder: Path
    log: PredictionLogSettings
    seated: datetime = NOON - timedelta(hours=1)
    said: int = field(default=0)

    @classmethod
    def begin(cls, folder: Path, monitoring: str = WINDOWS, log: PredictionLogSettings | None = None) -> "Watched":
        (folder / "ticket_assets.toml").write_text(SETTINGS.format(monitoring=monitoring))
        its = ProfileFolders(folder / "storage" / PROFILE)
        return cls(folder, log or PredictionLogSettings(folder=its.service / "log"))

    @property
    def folders(self) -> ProfileFolders:
        return ProfileFolders(self.folder / "storage" / PROFILE)

    @contextmanager
    def environment(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for name in [one for one in os.environ if one.startswith(("TICKET_ASSETS_", "DAGSTER_"))]:
                patch.delenv(name)
            patch.setenv("TICKET_ASSETS_CONFIG", str(self.folder / "ticket_assets.toml"))
            patch.setenv("DAGSTER_HOME", "")
            patch.setenv("TICKET_ASSETS_PROFILE", PROFILE)
            yield

    @property
    def watch(self) -> Watch:
        return Watch(Desk(profile=PROFILE))

    def tables(self, rows: int = 1200) -> pd.DataFrame:
        """Clean tickets and their split: three of four to train on."""
        said = spoken(rows, seed=1)
        ids = [f"T-{row}" for row in range(rows)]
        clean = pd.DataFrame(
            {
                "ticket_id": ids,
                "text": said.texts,
                "language": detect_languages(list(said.texts), ("en", "de")),
                "family_id": ids,
                "label_tone": said.truth,
            }
        )
        split = clean[["ticket_id", "family_id"]].assign(side=np.where(np.arange(rows) % 4, "train", "holdout"))
        write_parquet(self.folders.parquet / "tickets" / "clean.parquet", clean)
        write_parquet(self.folders.parquet / "models" / "split.parquet", split)
        keep_trained(self.folders.trained, "v1", split.loc[split["side"] == "train", "ticket_id"])
        return clean

    def crown(self, worse: float = WELL, version: int = 1, since: datetime | None = None) -> Champion:
        """Put a toy of so bad hearing into the seat."""
        fields = {**toy_fields(targets=(TARGET,)), "data": {"tickets/clean": "v1"}}
        made = write_bundle(self.folders.bundles, [hearing(TARGET, worse)], fields, "a card\n")
        champion = Champion(version, made.id, (since or self.seated).isoformat(timespec="seconds"))
        write_champion(self.folders.bundles, champion)
        return champion

    def renamed(self, champion: Champion, card: str = "without them") -> Champion:
        """An erasure rewrites a champion's bundle, which is called otherwise since, and removes monitoring's copies."""
        made = rewrite_bundle(self.folders.bundles, champion.bundle, lambda one: (one / MODEL_CARD).write_text(card))
        entry = {"kind": BUNDLE, "before": champion.bundle, "after": made.id, "is_champion": True}
        append_record(self.folders.records / LEDGER, entry)
        again = replace(champion, bundle=made.id)
        write_champion(self.folders.bundles, again)
        for gone in (self.folders.bundles / champion.bundle, *self.folders.monitoring_copies()):
            shutil.rmtree(gone, ignore_errors=True)
        self.refer()
        return again

    def refer(self) -> None:
        """Make the champion's reference."""
        watch, bundle = self.watch, self.watch.bundle()
        its = watch.made_with
        basis = make_reference(bundle, watch.tables(bundle.manifest), its.max_rows, its.min_sample, its.seed)
        save_reference(watch.folder, basis, its)

    def bundle(self, champion: Champion) -> TriageBundle:
        return TriageBundle.load(self.folders.bundles / champion.bundle, self.folders.encoders)

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        with store_of(self.log) as engine:
            yield engine

    def log_becomes_newer(self) -> None:
        """A newer version of the code migrates the log."""
        with self.engine() as engine, engine.begin() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    def answer(
        self,
        champion: Champion,
        said: Spoken,
        at: datetime = NOON,
        step: timedelta = timedelta(seconds=10),
        ticket_ids: Sequence[str | None] | None = None,
        transport: str = "http",
        text: bool = True,
    ) -> list[str]:
        """Tickets answered by a champion, one each `step`; return the ids of the answers."""
        answers = self.bundle(champion).predict([Ticket(one) for one in said.texts])
        records = []
        for row, (body, its) in enumerate(zip(said.texts, answers, strict=True)):
            self.said += 1
            targets = {
                name: TargetAnswer(one.label, one.probability, one.band, one.band, one.probabilities)
                for name, one in its.items()
            }
            told = Answer(
                transport,  # type: ignore[arg-type]
                champion.bundle,
                str(champion.version),
                targets,
                body=body if text else "",
                ticket_id=ticket_ids[row] if ticket_ids else None,
            )
            records.append(PredictionRecord(f"p-{self.said:09d}", at + row * step, self.said, told))
        with self.engine() as engine, writing(engine) as connection:
            write_records(connection, [(one, NO_LINE) for one in records], {})
        return [one.id for one in records]

    def correct(self, ids: Sequence[str], labels: Sequence[str], at: datetime = NOON) -> None:
        """People say what is right."""
        records = []
        for one, label in zip(ids, labels, strict=True):
            self.said += 1
            records.append(FeedbackRecord(f"f-{self.said:09d}", one, at, self.said, {TARGET: label}))
        with self.engine() as engine, writing(engine) as connection:
            write_records(connection, [(one, NO_LINE) for one in records], {})

    def read(self, day: datetime, now: datetime, labels: Mapping[str, str] | None = None) -> None:
        """Write a day's table."""
        known = Labels({TARGET: labels or {}})
        with self.engine() as engine:
            write_day(engine, self.folders.monitoring, day.date(), now, (TARGET,), known)


NO_LINE = LogLine(0, b"", None)
