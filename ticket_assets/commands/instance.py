"""The Dagster instance of a profile.

Belongs here: its folder and its dagster.yaml.
Does not belong here: what runs in it (run.py).
"""

import os
import shutil
from pathlib import Path

from ticket_assets.settings import Settings


def prepare_home(settings: Settings) -> Path:
    """Folder of the profile's Dagster instance, with the project's dagster.yaml in it."""
    folder = settings.profile_root / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).resolve().parents[2] / "dagster.yaml", folder / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder
