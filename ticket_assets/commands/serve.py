"""`serve`: serve the champion's bento over HTTP.

Belongs here: the command. Does not belong here: the service (service.py), building a bento (serving/bento.py).
"""

import argparse
import os
import sys

from ticket_assets.settings import Settings
from ticket_assets.storage import ProfileFolders

HELP = "serve the champion's bento over HTTP"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The port."""
    parser.add_argument("--port", type=int, default=3000, help="default: 3000")


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Become BentoML's server of the champion's bento."""
    from ticket_assets.serving.bento import bento_environment, bento_folder, bento_tag
    from ticket_assets.serving.store import require_champion

    folders = ProfileFolders(settings.profile_root)
    try:
        champion = require_champion(folders.bundles)
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None
    folder = bento_folder(folders.bentos, bento_tag(settings.profile, champion))
    command = [sys.executable, "-m", "bentoml", "serve", str(folder), "--port", str(arguments.port)]
    os.execve(sys.executable, command, bento_environment(folders.bentos))
