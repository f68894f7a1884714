"""The parts of a running service, opened in order and closed in the other.

Belongs here: which part is made from which settings, start and stop.
Does not belong here: what the parts do (engine.py, triage.py, office.py, wire.py).
"""

import logging
import threading
import time
from typing import TYPE_CHECKING

from ticket_assets.serving.endpoint.challenger import ChallengerSeat
from ticket_assets.serving.endpoint.engine import BundlePlace, Engine
from ticket_assets.serving.endpoint.lean import bound_threads
from ticket_assets.serving.endpoint.metrics import metrics_of_process
from ticket_assets.serving.endpoint.office import Office
from ticket_assets.serving.endpoint.settings import BAKED_IN, ServiceSettings
from ticket_assets.serving.endpoint.shadow import Shadow
from ticket_assets.serving.endpoint.sharing import Sharing
from ticket_assets.serving.endpoint.similar import SimilarTickets
from ticket_assets.serving.endpoint.switch import ActingSwitch
from ticket_assets.serving.endpoint.threads import Pools
from ticket_assets.serving.endpoint.triage import Triage
from ticket_assets.serving.endpoint.watcher import Watcher
from ticket_assets.serving.prediction_log.log import PredictionLog

if TYPE_CHECKING:
    from ticket_assets.serving.access.capacity import Work
    from ticket_assets.serving.access.grpc import GuardInterceptor
    from ticket_assets.serving.endpoint.wire import Wire

GRACE_SECONDS = 20.0
CLOSE_SECONDS = 20.0
GAUGE_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Runtime:
    """A running service.

    Args:
        settings: of the service.
        follow: whether another champion takes over, and a challenger answers beside it.

    Raises:
        BundleError: no bundle answers.
    """

    def __init__(self, settings: ServiceSettings, follow: bool = True) -> None:
        self.settings = settings
        self.metrics = metrics_of_process()
        baked = BundlePlace(BAKED_IN / "bundles", BAKED_IN / "encoders")
        named = (
            [BundlePlace(settings.bundles, settings.encoders)]
            if settings.bundles is not None and settings.encoders is not None
            else []
        )
        places = [*named, *([baked] if baked.bundles.exists() or not named else [])]
        self.engine = Engine(places, settings.threads, self.metrics.swapped)
        seat = self.engine.start()
        bound_threads(settings.threads)
        self._similar = SimilarTickets(settings.similar)
        self._similar.look(seat.bundle)
        settings.state.mkdir(parents=True, exist_ok=True)
        self.log = PredictionLog.open(settings.prediction_log)
        switch = ActingSwitch(settings.switch)
        self.challenger, self.shadow = self._beside(named[0]) if follow and named else (None, None)
        sharing = Sharing(self.challenger, settings.challenger.share, self.metrics.trial)
        self.triage = Triage(
            self.engine, self.log, switch, self.metrics, settings.most_tickets, self._similar, sharing, self.shadow
        )
        self.office = Office(self.engine, self.log, switch, self._similar, self.challenger, settings.challenger.share)
        self.pools = Pools()
        self._watcher = Watcher(self.engine, settings.watch_seconds) if follow else None
        if self._watcher:
            self._watcher.start()
        self._stopped = threading.Event()
        self._gauges = threading.Thread(target=self._keep_gauges, name="gauges", daemon=True)
        self._gauges.start()
        self.wire: Wire | None = None

    async def start_wire(self, guard: "GuardInterceptor") -> None:
        """Listen for gRPC, where the settings name an address; on the running event loop.

        Raises:
            OSError: the address is taken.
        """
        grpc = self.settings.grpc
        if grpc.address is None:
            return
        from ticket_assets.serving.endpoint.wire import Wire, WireSettings

        most = guard.guard.settings.max_connections
        settings = WireSettings(**{**grpc.model_dump(), "address": grpc.address}, max_connections=most)
        self.wire = Wire(settings, self.triage, self.office, self.pools, guard)
        await self.wire.start()
        logger.info("gRPC listens on %s", grpc.address)

    async def stop(self, work: "Work") -> None:
        """End what is in work, also what its clients wait for no more; write what waits.

        Args:
            work: of this process, over both transports.
        """
        try:
            if self.wire is not None:
                await self.wire.stop()
            if not await work.finish(GRACE_SECONDS):
                logger.warning("%d requests were still in work when the service ended", len(work))
        finally:
            self.close()

    def close(self) -> None:
        """The same where there is no gRPC; the log is closed whatever hangs or fails before."""
        self._stopped.set()
        until = time.monotonic() + CLOSE_SECONDS
        try:
            self._gauges.join(CLOSE_SECONDS)
            if self._gauges.is_alive():
                logger.warning("gauges did not end in %.0f s; the service ends without", CLOSE_SECONDS)
            self._leave_the_shadow(until)
            if self._watcher and not self._watcher.stop(max(0.0, until - time.monotonic())):
                logger.warning("watcher did not end in %.0f s; the service ends without", CLOSE_SECONDS)
            self.pools.close()
        finally:
            self.log.close(CLOSE_SECONDS)

    def _beside(self, place: BundlePlace) -> tuple[ChallengerSeat | None, Shadow | None]:
        """Where a challenger answers, if the settings want any; it is loaded after the service has started."""
        settings = self.settings.challenger
        if not settings.follow:
            return None, None
        challenger = ChallengerSeat(self.engine, place, self.metrics.trial, self.settings.threads)
        shadow = Shadow(challenger, self.log, self.metrics.trial, settings.waiting)
        shadow.start()
        challenger.follow(self.settings.watch_seconds)
        return challenger, shadow

    def _leave_the_shadow(self, until: float) -> None:
        for name, part in (("challenger-watcher", self.challenger), ("shadow", self.shadow)):
            if part is not None and not part.stop(max(0.0, until - time.monotonic())):
                logger.warning("%s did not end in %.0f s; the service ends without", name, CLOSE_SECONDS)

    def _keep_gauges(self) -> None:
        while True:
            try:
                self._tell()
            except Exception:  # else they would say for ever what was so then
                logger.exception("gauges could not be set; they are tried again in %.0f s", GAUGE_SECONDS)
            if self._stopped.wait(GAUGE_SECONDS):
                return

    def _tell(self) -> None:
        log = self.log.state()
        self.metrics.backlog(log.backlog_records, log.backlog_bytes)
        seat = self.engine.seat
        if seat is not None:
            self.metrics.seated(seat.bundle.manifest.profile, seat.champion.bundle, seat.champion.version)
            self._similar.look(seat.bundle)
