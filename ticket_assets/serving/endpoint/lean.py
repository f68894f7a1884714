"""What BentoML puts around a service that is not wanted here, taken out; garbage and memory as serving wants them.

Belongs here: which of BentoML's middlewares leave something of each request behind, when garbage is looked for, when
memory that nobody uses is given back.
Does not belong here: our own middlewares (serving/access/), what a request comes to (triage.py).

Measured on BentoML 1.4.39: its TimeoutMiddleware starts a timer per request and never stops it, and the timer keeps
the request's context and spans for the whole timeout. At 700 requests a second 45,000 of them live at any moment, 5 KB
each, and the collector looks through all of them again and again: that was a p99 of 60 to 180 ms. The deadline of
serving/access/capacity.py lies further in, and stops its timer.
"""

import ctypes
import gc
from contextlib import suppress
from typing import Any

# The name of a class, as importing it would import OpenTelemetry where a test asks for this module alone.
TIMEOUT, TRACING = "TimeoutMiddleware", "OpenTelemetryMiddleware"


def without_leftovers(service: Any) -> None:
    """Have the service's app made without BentoML's timer, and without its spans unless traces are wanted.

    Args:
        service: of `@bentoml.service`. Traces are wanted where its `tracing.sample_rate` is above 0 (`services:
            ticket-assets: tracing: …` in the file BENTOML_CONFIG); at 0, the default, four spans were made per request
            and none was kept.
    """
    kind = type(service)

    class Lean(kind):  # type: ignore[misc, valid-type]
        __slots__ = ()

        def to_asgi(self, is_main: bool = True) -> Any:
            app = super().to_asgi(is_main)
            unwanted = {TIMEOUT} if _is_traced() else {TIMEOUT, TRACING}
            app.user_middleware = [one for one in app.user_middleware if one.cls.__name__ not in unwanted]
            return app

    # BentoML's class has slots, so a method of the object alone cannot be put in another's place.
    service.__class__ = Lean


def _is_traced() -> bool:
    from bentoml._internal.configuration.containers import BentoMLContainer

    return bool(BentoMLContainer.tracing.sample_rate.get())


def settle_garbage() -> None:
    """Leave what is loaded by now out of every later look for garbage.

    Models, classes and code are some 180,000 objects that live as long as the process; a look at them all took 250 ms.
    Called once, when a bundle is seated. The looks at what is young stay as often as they are: they take 0.1 ms, and
    find what a request leaves in cycles before it adds up to megabytes.
    """
    gc.collect()
    gc.freeze()


def give_back_memory() -> None:
    """Give the system what is free between what is used: after a bundle was loaded, which reads and drops much.

    glibc keeps it else: 25 MB and more a worker, and again at each swap. Other C libraries have no such call.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
