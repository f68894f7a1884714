"""`settings`: print the settings in force.

Belongs here: the command. Does not belong here: the settings (ticket_assets/settings.py).
"""

import argparse

from ticket_assets.settings import Settings

HELP = "print the settings in force"
EXAMPLE = "settings --profile it_service"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print the settings as JSON."""
    print(settings.model_dump_json(indent=2))
    return 0
