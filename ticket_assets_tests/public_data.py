"""Where tests find the public ticket files.

Here: the one look-up, so that "absent" means the same in every test. Not here: reading the files; what becomes of a
test without them (required.py). They stay out of the repository: one of them allows evaluation only.
"""

from __future__ import annotations

import os
from pathlib import Path

from ticket_assets_tests.required import absent

_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[2] / "shared" / "data"


def public_data(name: str) -> Path:
    """Return the path of the public file `name`; skip the test where it is absent, or fail if `data` is required.

    The folder is `TICKET_ASSETS_TEST_DATA`, else `../shared/data` seen from the repository root.
    """
    path = Path(os.environ.get("TICKET_ASSETS_TEST_DATA") or _BESIDE_THE_REPOSITORY) / name
    if not path.is_file():
        absent("data", f"public ticket file {name} not found in {path.parent} (set TICKET_ASSETS_TEST_DATA)")
    return path
