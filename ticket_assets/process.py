"""The process of a step: it ends when the one that started it is gone.

Belongs here: watching the parent.
Does not belong here: closing the run that the parent left behind (automation/interrupted.py).
"""

import multiprocessing
import os
import signal
import threading
import time

LAST_WORDS_SECONDS = 10.0
NAME = "ends-with-parent"


def end_with_parent() -> None:
    """Watch the parent from now on; nothing to do in a process that no other one started through multiprocessing.

    A step whose run was killed would search on for an hour, on all cores, beside the step that the next run starts in
    its place. It is no child of the run's process but of the fork server's, which lives as long as any step does:
    neither its parent's id nor a signal at its parent's death tells. The pipe that multiprocessing keeps does.
    """
    if multiprocessing.parent_process() is None or any(one.name == NAME for one in threading.enumerate()):
        return
    threading.Thread(target=_wait_and_end, name=NAME, daemon=True).start()


def _wait_and_end() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    # So that what the step started itself, such as a server, is ended; a fit in C hears no signal until it returns.
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_WORDS_SECONDS)
    os._exit(1)
