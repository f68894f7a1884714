"""`home`: prepare the profile's Dagster instance and print its folder, for DAGSTER_HOME.

Belongs here: the command. Does not belong here: the instance (instance.py).
"""

import argparse

from ticket_assets.commands.instance import prepare_home
from ticket_assets.settings import Settings

HELP = "prepare the profile's Dagster instance and print its folder, for DAGSTER_HOME"
EXAMPLE = "home --profile it_service"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print the Dagster home."""
    print(prepare_home(settings))
    return 0
