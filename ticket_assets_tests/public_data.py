"""Where tests find the public ticket files, and what happens where they are absent.

Here: the one look-up, so that "absent" means the same in every test. Not here: reading the files. They stay
out of the repository: one of them allows evaluation only.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[2] / "shared" / "data"


def public_data(name: str) -> Path:
    """Return the path of the public file `name`; skip the test where it is absent, or fail if it is required.

    The folder is `TICKET_ASSETS_TEST_DATA`, else `../shared/data` seen from the repository root. It is
    required if the comma-separated environment variable `REQUIRE` names `data`.
    """
    path = Path(os.environ.get("TICKET_ASSETS_TEST_DATA") or _BESIDE_THE_REPOSITORY) / name
    if path.is_file():
        return path
    reason = f"public ticket file {name} not found in {path.parent} (set TICKET_ASSETS_TEST_DATA)"
    if "data" in {part.strip() for part in os.environ.get("REQUIRE", "").split(",")}:
        pytest.fail(f"{reason}, but REQUIRE names data")
    pytest.skip(reason)
