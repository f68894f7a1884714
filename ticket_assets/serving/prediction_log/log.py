"""The prediction log, as the service sees it: append an answer, take a correction, say how things stand.

Belongs here: the facade that ties journal, drain and store together; what is acknowledged and what is not.
Does not belong here: any of the parts; HTTP and gRPC (the service).

One per worker process, opened after the fork. `append` may be called from the event loop, as it writes one line to a
file, unless the log `waits_for_disk`. `give_feedback` and `find` ask the database and search journals: call them in a
thread.
"""

import re
import secrets
import threading
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from ticket_assets.serving.prediction_log.acted import ActedReport
from ticket_assets.serving.prediction_log.clock import (
    EVENT,
    FEEDBACK,
    PREDICTION,
    SHADOW,
    Clock,
    Moments,
    derived_id,
    made_id,
)
from ticket_assets.serving.prediction_log.drain import Drain
from ticket_assets.serving.prediction_log.feedback import (
    Given,
    IdempotencyError,
    NotTakenError,
    UnknownPredictionError,
    WrongLabelsError,
    check_given,
    check_labels,
    label_sets_of,
)
from ticket_assets.serving.prediction_log.journal import Journal
from ticket_assets.serving.prediction_log.lines import as_line
from ticket_assets.serving.prediction_log.lookup import Lookup
from ticket_assets.serving.prediction_log.masking import as_kept, comment_as_kept
from ticket_assets.serving.prediction_log.outcome import Accepted, Logged, LogState, NotLogged
from ticket_assets.serving.prediction_log.records import Answer, EventRecord, FeedbackRecord, PredictionRecord
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.shadow_record import ShadowRecord
from ticket_assets.serving.prediction_log.spool import Spool
from ticket_assets.serving.prediction_log.store import Store
from ticket_assets.tickets.masking import DEFAULT_KINDS

ACT = "act"
# Corrections under one name wait for each other; other names hardly ever do.
NAMING = 16
_ID = re.compile(rf"{PREDICTION}[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}")


class PredictionLog:
    """Keeps answers and corrections; thread-safe."""

    def __init__(self, settings: PredictionLogSettings, clock: Clock) -> None:
        """Use `open`."""
        self._settings, self._clock = settings, clock
        self._spool = Spool(settings.spool)
        self._moments = Moments(clock, self._spool.zero(clock))
        owner = f"{self._moments.next():020d}-{secrets.token_hex(6)}"
        limit, segment = settings.spool_bytes, settings.segment_bytes
        self._journal = Journal(self._spool, owner, settings.durability, limit, segment)
        self._store = Store(settings)
        self._drain = Drain(settings, self._journal, self._store, clock)
        self._lookup = Lookup(self._store, self._journal, self._drain)
        self._not_logged, self._counting = 0, threading.Lock()
        self._naming = [threading.Lock() for _ in range(NAMING)]
        self._refusal: str | None = None

    @classmethod
    def open(cls, settings: PredictionLogSettings, clock: Clock | None = None) -> "PredictionLog":
        """Open the log of this process; a store that is down now is no error, its records wait.

        Raises:
            OSError: the folder cannot be made.
            SchemaError: the database was written by a newer version of the code.
        """
        log = cls(settings, clock or Clock())
        try:
            log._drain.start()
        except BaseException:
            log._store.close()
            raise
        return log

    @property
    def waits_for_disk(self) -> bool:
        """Whether `append` waits for a disk to flush: then it is not for an event loop."""
        return self._settings.durability == "disk"

    def append(self, answer: Answer, kinds: Collection[str] = DEFAULT_KINDS) -> Logged | NotLogged:
        """Keep an answer; once it returns Logged, the answer is as safe as the settings' durability says.

        Args:
            answer: as it was given; its texts are masked here, unless the settings say otherwise.
            kinds: of personal data to mask, of the bundle's manifest.
        """
        return self.append_many([answer], kinds)[0]

    def append_many(
        self, answers: Sequence[Answer], kinds: Collection[str] = DEFAULT_KINDS
    ) -> list[Logged] | list[NotLogged]:
        """Keep the answers of one request, all or none of them."""
        at = self._clock.now()
        moments = [self._moments.next() for _ in answers]
        records = [
            PredictionRecord(made_id(PREDICTION, moment), at, moment, as_kept(answer, self._settings.text, kinds))
            for moment, answer in zip(moments, answers, strict=True)
        ]
        try:
            self._keep(records)
        except (OSError, TypeError) as error:
            return [NotLogged(str(error)) for _ in answers]
        return [Logged(record.id, record.at) for record in records]

    def append_shadow(
        self, prediction_id: str, bundle: str, version: str, targets: Mapping[str, tuple[str, float | None]]
    ) -> bool:
        """Keep what a challenger would have answered; return whether it is kept.

        Not while the store is down: the room of the spool is for what clients were told.

        Args:
            prediction_id: of the answer that was given, which this log keeps.
            bundle: of the challenger.
            version: of the registry, as text.
            targets: target to its likeliest label and that one's probability.
        """
        if self._drain.down_since is not None:
            return False
        moment = self._moments.next()
        record = ShadowRecord(
            made_id(SHADOW, moment), prediction_id, self._clock.now(), moment, bundle, version, {**targets}
        )
        try:
            self._journal.append(as_line(record), 1)
        except (OSError, TypeError):
            return False
        return True

    def give_feedback(
        self,
        prediction_id: str,
        labels: Mapping[str, str],
        *,
        key: str | None = None,
        idempotency_key: str | None = None,
        reviewer: str | None = None,
        comment: str | None = None,
        kinds: Collection[str] = DEFAULT_KINDS,
    ) -> Accepted:
        """Take corrected labels; the same again adds nothing, others are kept as history.

        While the store is down and the prediction in no journal, a correction is taken unseen; where its prediction
        turns out not to exist, or not to have such labels, it goes to the table `rejected`.

        Args:
            prediction_id: what is corrected.
            labels: target to label.
            key: name of the API key.
            idempotency_key: the sender's own name for this correction.
            reviewer: who corrected.
            comment: why; masked like a ticket's text.
            kinds: of personal data to mask.

        Raises:
            WrongLabelsError: naming target and what is allowed.
            UnknownPredictionError: no prediction has this id.
            IdempotencyError: its name was used for another correction.
            NotTakenError: it cannot be kept now.
        """
        seen = self._check(prediction_id, labels)
        at, moment = self._clock.now(), self._moments.next()
        comment = comment_as_kept(comment, self._settings.text, kinds)
        about = (prediction_id, at, moment, {**labels}, key, reviewer, comment)
        if idempotency_key is None:
            record = FeedbackRecord(made_id(FEEDBACK, moment), *about)
            self._take(record)
        else:
            record = FeedbackRecord(derived_id(prediction_id, key, idempotency_key), *about)
            with self._naming[hash(record.id) % NAMING]:
                before = self._lookup.correction(record.id).found
                if before is None:
                    self._take(record)
                elif (reason := check_given(before, Given.of(record))) is not None:
                    raise IdempotencyError(reason)
        return Accepted(record.id, seen)

    def record_switch(self, on: bool, who: str, why: str) -> EventRecord:
        """Record that acting upon answers was turned on or off.

        Raises:
            NotTakenError: it cannot be kept now.
        """
        moment = self._moments.next()
        detail: dict[str, Any] = {"on": on, "who": who, "why": why}
        record = EventRecord(made_id(EVENT, moment), self._clock.now(), moment, ACT, detail)
        self._take(record)
        return record

    def find(self, prediction_id: str) -> PredictionRecord | None:
        """A prediction, written or still waiting; None where there is none, or the store that may have it is down."""
        return self._lookup.prediction(prediction_id).found if _ID.fullmatch(prediction_id) else None

    def acted(self, since: datetime) -> ActedReport:
        """What acting did since an instant, UTC; of what is written.

        Raises:
            StoreDownError: the store cannot be asked.
        """
        return self._store.acted(since)

    def state(self) -> LogState:
        """How things stand."""
        drain, journal = self._drain, self._journal
        down, fault = drain.down_since, self._refusal or drain.failing or drain.slow
        return LogState(
            status="down" if down else "degraded" if fault or drain.lost else "up",
            down_since=down,
            backlog_records=journal.pending,
            backlog_bytes=journal.bytes + journal.others,
            written=drain.done.written,
            duplicates_skipped=drain.done.duplicates,
            rejected=drain.done.rejected,
            not_logged=self._not_logged,
            adopted=drain.adopted,
            lost=drain.lost,
            last_error=fault or drain.last_error,
        )

    def flush(self, timeout: float) -> bool:
        """Wait, in seconds, until the store has all that was kept up to now; return whether it has."""
        return self._drain.flush(timeout)

    def close(self, timeout: float = 10.0) -> bool:
        """Write what there is and let go; return whether the store has all. What it has not waits in the spool."""
        if not self._drain.stop(timeout):
            return False  # the thread is in the middle of a batch: its lock goes with the process
        self._journal.close()
        self._store.close()
        return not self._journal.pending

    def _keep(self, records: Sequence[PredictionRecord | FeedbackRecord | EventRecord]) -> None:
        try:
            self._journal.append(b"".join(map(as_line, records)), len(records))
        except (OSError, TypeError) as error:
            with self._counting:
                self._not_logged += len(records)
            self._refusal = str(error)
            raise
        self._refusal = None
        if self._journal.pending >= self._settings.batch_rows:
            self._drain.nudge()

    def _take(self, record: FeedbackRecord | EventRecord) -> None:
        try:
            self._keep([record])
        except OSError as error:
            raise NotTakenError(f"it cannot be kept now: {error}; send it again later") from error

    def _check(self, prediction_id: str, labels: Mapping[str, str]) -> bool:
        """Return whether the prediction was seen, and its model has these labels.

        Raises:
            UnknownPredictionError, WrongLabelsError: as above.
        """
        if not _ID.fullmatch(prediction_id):
            raise UnknownPredictionError(f"{prediction_id!r} is no id of a prediction")
        look = self._lookup.prediction(prediction_id)
        if look.found is not None:
            faults = check_labels(labels, label_sets_of(look.found), self._settings.new_labels)
        elif look.sure:
            raise UnknownPredictionError(f"no prediction has the id {prediction_id}")
        else:
            faults = {} if labels else check_labels(labels, {})
        if faults:
            raise WrongLabelsError(faults)
        return look.found is not None
