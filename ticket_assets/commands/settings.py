"""`settings`: print the settings in force.

Belongs here: the command. Does not belong here: the settings (ticket_assets/settings.py).
"""

import argparse
import json

from ticket_assets.settings import Settings, without_secrets

HELP = "print the settings in force, those of one profile"
EXAMPLE = "settings --profile it_service"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whether those of the other profiles are printed too."""
    parser.add_argument("--all", action="store_true", help="those of all profiles")


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print the settings as JSON, in the shape that the settings file has; no password is shown."""
    every = settings.model_dump(mode="json")
    if not arguments.all:
        every["profiles"] = {settings.profile: every["profiles"][settings.profile]}
    print(json.dumps(without_secrets(every), indent=2, ensure_ascii=False))
    return 0
