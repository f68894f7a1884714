"""What a test does where a part that it needs is absent: it skips with its reason, or fails where the part is required.

Here: the one decision, so that it is the same for every part. Not here: looking for a part.
"""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def absent(part: str, reason: str) -> NoReturn:
    """Skip the test; fail it if the comma-separated environment variable `REQUIRE` names the part.

    Args:
        part: data, podman.
        reason: what is not there, and where it was looked for.
    """
    if part in {one.strip() for one in os.environ.get("REQUIRE", "").split(",")}:
        pytest.fail(f"{reason}, but REQUIRE names {part}")
    pytest.skip(reason)
