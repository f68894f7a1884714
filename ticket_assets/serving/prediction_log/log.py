"""The prediction log, as the service sees it: append an answer, take a correction, say how things stand.

Belongs here: the facade that ties journal, drain and store together; what is acknowledged and what is not.
Does not belong here: any of the parts; HTTP and gRPC (the service).

One per worker process, opened after the fork. `append` may be called from the event loop: it writes one line to a file.
`give_feedback` and `find` ask the database: call them in a thread.
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
    Clock,
    Moments,
    derived_id,
    made_id,
)
from ticket_assets.serving.prediction_log.drain import Drain
from ticket_assets.serving.prediction_log.engine import StoreDownError
from ticket_assets.serving.prediction_log.feedback import (
    IdempotencyError,
    NotTakenError,
    UnknownPredictionError,
    WrongLabelsError,
    check_labels,
)
from ticket_assets.serving.prediction_log.journal import Journal
from ticket_assets.serving.prediction_log.lines import as_line
from ticket_assets.serving.prediction_log.masking import as_kept, comment_as_kept
from ticket_assets.serving.prediction_log.outcome import Logged, LogState, NotLogged
from ticket_assets.serving.prediction_log.records import Answer, EventRecord, FeedbackRecord, PredictionRecord
from ticket_assets.serving.prediction_log.settings import PredictionLogSettings
from ticket_assets.serving.prediction_log.spool import Spool
from ticket_assets.serving.prediction_log.store import Store
from ticket_assets.tickets.masking import DEFAULT_KINDS

ACT = "act"
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
        self._not_logged, self._counting = 0, threading.Lock()
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

    def give_feedback(
        self,
        prediction_id: str,
        labels: Mapping[str, str],
        label_sets: Mapping[str, Sequence[str]],
        *,
        key: str | None = None,
        idempotency_key: str | None = None,
        reviewer: str | None = None,
        comment: str | None = None,
        kinds: Collection[str] = DEFAULT_KINDS,
    ) -> FeedbackRecord:
        """Take corrected labels; the same again adds nothing, others are kept as history.

        While the store is down a correction is taken unseen; where its prediction turns out not to exist, it goes to
        the table `rejected`.

        Args:
            prediction_id: what is corrected.
            labels: target to label.
            label_sets: target to labels, of the model that made the prediction (`find` tells its bundle).
            key: name of the API key.
            idempotency_key: the sender's own name for this correction.
            reviewer: who corrected.
            comment: why; masked like a ticket's text.
            kinds: of personal data to mask.

        Raises:
            WrongLabelsError: naming target, value and what is allowed.
            UnknownPredictionError: no prediction has this id.
            IdempotencyError: its name was used for other labels.
            NotTakenError: it cannot be kept now.
        """
        if faults := check_labels(labels, label_sets):
            raise WrongLabelsError("; ".join(faults))
        at, moment = self._clock.now(), self._moments.next()
        named = idempotency_key is not None
        its = derived_id(prediction_id, key, idempotency_key or "") if named else made_id(FEEDBACK, moment)
        self._require_known(prediction_id)
        if named:
            self._require_same(its, labels)
        comment = comment_as_kept(comment, self._settings.text, kinds)
        record = FeedbackRecord(its, prediction_id, at, moment, {**labels}, key, reviewer, comment)
        self._take(record)
        return record

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
        if not _ID.fullmatch(prediction_id):
            return None
        if self._drain.down_since is None:
            try:
                # The store twice: a prediction may leave its journal between two looks.
                return (
                    self._store.find(prediction_id) or self._waiting(prediction_id) or self._store.find(prediction_id)
                )
            except StoreDownError:
                pass
        return self._waiting(prediction_id)

    def acted(self, since: datetime) -> ActedReport:
        """What acting did since an instant, UTC; of what is written.

        Raises:
            StoreDownError: the store cannot be asked.
        """
        return self._store.acted(since)

    def state(self) -> LogState:
        """How things stand."""
        drain, journal = self._drain, self._journal
        down = drain.down_since
        return LogState(
            status="down" if down else "degraded" if self._refusal else "up",
            down_since=down,
            backlog_records=journal.pending,
            backlog_bytes=journal.bytes + journal.others,
            written=drain.done.written,
            duplicates_skipped=drain.done.duplicates,
            rejected=drain.done.rejected,
            not_logged=self._not_logged,
            adopted=drain.adopted,
            last_error=self._refusal or drain.last_error,
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

    def _require_known(self, prediction_id: str) -> None:
        if not _ID.fullmatch(prediction_id):
            raise UnknownPredictionError(f"{prediction_id!r} is no id of a prediction")
        if self._drain.down_since is not None:
            return
        try:
            known = self._store.knows(prediction_id) or self._waiting(prediction_id) or self._store.knows(prediction_id)
        except StoreDownError:
            return
        if not known:
            raise UnknownPredictionError(f"no prediction has the id {prediction_id}")

    def _require_same(self, feedback_id: str, labels: Mapping[str, str]) -> None:
        try:
            before = {} if self._drain.down_since else self._store.labels_of(feedback_id)
        except StoreDownError:
            return
        if other := [target for target, label in before.items() if labels.get(target) != label]:
            raise IdempotencyError(f"this idempotency key was used for another label of {', '.join(sorted(other))}")

    def _waiting(self, prediction_id: str) -> PredictionRecord | None:
        return self._spool.find(prediction_id)
