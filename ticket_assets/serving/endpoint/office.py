"""Requests about the service itself: which model answers, look for another, turn `act` off, what `act` did.

Belongs here: a method per such request, what is wrong right now.
Does not belong here: requests about tickets (triage.py), transports, who may ask (serving/access/).
"""

import logging
from datetime import UTC, datetime, timedelta

from ticket_assets.serving.access.current import current_request
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.endpoint.challenger import ChallengerSeat
from ticket_assets.serving.endpoint.engine import Engine, Seat, Swap
from ticket_assets.serving.endpoint.reports import (
    ActedLabel,
    ActedReport,
    ActedRequest,
    Acting,
    ActingChange,
    ChallengerInfo,
    FaultCode,
    LogInfo,
    ReloadAnswer,
    ServiceFault,
    ServiceInfo,
    SwapInfo,
    TargetInfo,
)
from ticket_assets.serving.endpoint.similar import SimilarTickets
from ticket_assets.serving.endpoint.switch import ActingSwitch, SwitchState
from ticket_assets.serving.endpoint.triage import RETRY_AFTER, require_seat
from ticket_assets.serving.prediction_log import acted
from ticket_assets.serving.prediction_log.engine import StoreDownError
from ticket_assets.serving.prediction_log.feedback import NotTakenError
from ticket_assets.serving.prediction_log.log import PredictionLog

MONTH = timedelta(days=30)
SHOWN_SWAPS = 5

logger = logging.getLogger(__name__)


class Office:
    """Answers operators.

    Args:
        engine: who answers tickets.
        log: where answers are kept.
        switch: whether `act` is given.
        similar: where similar tickets are looked for.
        challenger: who answers beside the champion; None: nobody ever.
        share: of tickets with an id that are the challenger's.
    """

    def __init__(
        self,
        engine: Engine,
        log: PredictionLog,
        switch: ActingSwitch,
        similar: SimilarTickets | None = None,
        challenger: ChallengerSeat | None = None,
        share: float = 0,
    ) -> None:
        self._engine, self._log, self._switch = engine, log, switch
        self._similar = similar or SimilarTickets()
        self._challenger, self._share = challenger, share

    def is_answering(self) -> bool:
        """Whether a model answers."""
        return self._engine.seat is not None

    def info(self) -> ServiceInfo:
        """Which model answers, how good it is, what is wrong.

        Raises:
            Refusal: 503 where no model answers.
        """
        seat, faults = require_seat(self._engine), self.faults()
        manifest, rival = seat.bundle.manifest, self._challenger.seat if self._challenger else None
        return ServiceInfo(
            status="degraded" if faults else "ok",
            profile=manifest.profile,
            model_version=seat.champion.version,
            bundle=seat.champion.bundle,
            since=seat.champion.since,
            loaded_at=seat.loaded_at.isoformat(timespec="seconds"),
            split=manifest.split,
            cleaning=manifest.cleaning,
            encoder=manifest.encoder["id"] if manifest.encoder else None,
            languages=list(manifest.languages),
            context=list(manifest.context),
            targets={
                target: TargetInfo(
                    labels=list(labels),
                    scores=manifest.scores.get(target, {}),
                    act=manifest.bands[target].act,
                    suggest=manifest.bands[target].suggest,
                )
                for target, labels in manifest.targets.items()
            },
            data=manifest.data,
            libraries=manifest.libraries,
            acting=self._switch.state.on,
            log=self.log(),
            swaps=[_told(swap) for swap in self._engine.swaps[:SHOWN_SWAPS]],
            faults=[fault.message for fault in faults],
            challenger=_beside(rival, self._share) if rival else None,
        )

    def log(self) -> LogInfo:
        """How the prediction log is."""
        state = self._log.state()
        return LogInfo(
            state=state.status,
            backlog=state.backlog_records,
            backlog_bytes=state.backlog_bytes,
            not_logged=state.not_logged,
            last_error=state.last_error,
        )

    def faults(self) -> list[ServiceFault]:
        """What is wrong, from memory; the service answers all the same."""
        found = []

        def note(code: FaultCode, message: str) -> None:
            found.append(ServiceFault(code=code, message=message))

        if self._engine.is_fallback:
            note("baked_in", f"{self._engine.store} has no champion that loads; the one baked into the bento answers")
        swaps = self._engine.swaps
        if swaps and swaps[0].refused:
            note("champion_refused", f"the champion {swaps[0].champion} was refused: {swaps[0].reason}")
        if fault := self._similar.fault:
            note("similar_table", fault)
        log = self.log()
        if log.state in ("degraded", "down"):
            code: FaultCode = "log_down" if log.state == "down" else "log_degraded"
            waits = f"{log.backlog} records of this worker wait, {log.backlog_bytes} bytes of all"
            note(code, f"the prediction log is {log.state}, {waits}: {log.last_error}")
        return found

    def reload(self) -> ReloadAnswer:
        """Look for a newer champion now, in this worker; the others follow the pointer."""
        swap = self._engine.offer()
        if swap.refused:
            raise Refusal(409, f"{swap.reason}; the one that answered goes on", "bundle_refused")
        seat = require_seat(self._engine)
        return ReloadAnswer(
            changed=swap.taken, model_version=seat.champion.version, bundle=seat.champion.bundle, reason=swap.reason
        )

    def act(self, change: ActingChange) -> Acting:
        """Turn `act` into `suggest`, or back, for every worker."""
        request = current_request()
        by = (request.caller if request else None) or "somebody"
        # The switch first: it must work while nothing can be logged.
        try:
            state = self._switch.move(change.on, by, change.reason)
        except OSError as error:
            found = f"the switch cannot be moved, its folder takes no file: {error.strerror}"
            raise Refusal(503, found, "not_moved", headers=RETRY_AFTER) from error
        try:
            self._log.record_switch(change.on, by, change.reason)
        except NotTakenError as error:
            logger.warning("the switch was moved, and the log cannot keep that: %s", error)
        return _acting(state)

    def act_report(self, asked: ActedRequest) -> ActedReport:
        """What was acted upon, and how much of it was corrected.

        Raises:
            Refusal: 422 for a time that is none; 503 while the store is down.
        """
        since = _since(asked.since)
        try:
            report = self._log.acted(since)
        except StoreDownError as error:
            raise Refusal(503, f"the prediction log cannot be asked: {error}", headers=RETRY_AFTER) from None
        return ActedReport(
            since=since.isoformat(timespec="seconds"),
            rows=[_row(one) for one in report.labels],
            switches=[
                Acting(on=one.on, since=one.at.isoformat(timespec="seconds"), by=one.who, reason=one.why)
                for one in reversed(report.switched)
            ],
        )


def _since(said: str | None) -> datetime:
    if said is None:
        return datetime.now(UTC) - MONTH
    try:
        read = datetime.fromisoformat(said)
        # In UTC here, as the store would: year 1 at +14:00 lies before the first instant there is.
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        message = "since is no time: write ISO 8601, such as 2026-05-01T00:00:00Z"
        raise Refusal(422, message, field="since") from None


def _row(one: acted.ActedLabel) -> ActedLabel:
    low, high = one.interval or (None, None)
    right = one.with_feedback - one.corrected
    told = {"acted": one.acted, "reviewed": one.with_feedback, "right": right}
    return ActedLabel(target=one.target, label=one.label, **told, accuracy=one.accuracy, low=low, high=high)


def _acting(state: SwitchState) -> Acting:
    return Acting(on=state.on, since=state.since, by=state.by, reason=state.reason)


def _beside(rival: Seat, share: float) -> ChallengerInfo:
    its, loaded_at = rival.champion, rival.loaded_at.isoformat(timespec="seconds")
    return ChallengerInfo(
        model_version=its.version, bundle=its.bundle, since=its.since, loaded_at=loaded_at, share=share
    )


def _told(swap: Swap) -> SwapInfo:
    named = f"v{swap.champion.version} {swap.champion.bundle}" if swap.champion else "none"
    return SwapInfo(at=swap.at.isoformat(timespec="seconds"), bundle=named, taken=swap.taken, reason=swap.reason)
