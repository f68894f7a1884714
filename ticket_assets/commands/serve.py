"""`serve`: serve the champion's bento over HTTP.

Belongs here: the command. Does not belong here: the service (service.py), building a bento (serving/bento.py).
"""

import argparse
import os
import socket
import sys

from ticket_assets.settings import Settings
from ticket_assets.storage import ProfileFolders

HELP = "serve the champion's bento over HTTP"
EXAMPLE = "serve --profile it_service --port 3001"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The port."""
    parser.add_argument("--port", type=int, default=3000, help="default: 3000")


def service_variables(folders: ProfileFolders) -> dict[str, str]:
    """Where a service of this profile keeps its state and finds keys and champions; what is set already wins."""
    from ticket_assets.serving.access.settings import access_environment

    return {
        "TICKET_ASSETS_SERVICE__STATE": str(folders.service),
        "TICKET_ASSETS_SERVICE__BUNDLES": str(folders.bundles),
        "TICKET_ASSETS_SERVICE__ENCODERS": str(folders.encoders),
        **access_environment(folders.access),
    }


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Become BentoML's server of the champion's bento."""
    from ticket_assets.serving.bento import bento_environment, bento_folder, bento_tag
    from ticket_assets.serving.store import require_champion

    folders, profile = ProfileFolders(settings.profile_root), settings.profile
    try:
        champion = require_champion(folders.bundles)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    folder = bento_folder(folders.bentos, bento_tag(profile, champion))
    if not folder.is_dir():
        print(f"the champion's bento is not built for this code: make run PROFILE={profile}", file=sys.stderr)
        return 2
    if _is_taken(arguments.port):
        other = f"PORT={arguments.port + 1} make serve PROFILE={profile}"
        print(f"port {arguments.port} is taken (`make ui` has 3000 too): {other}", file=sys.stderr)
        return 2
    command = [sys.executable, "-m", "bentoml", "serve", str(folder), "--port", str(arguments.port)]
    os.execve(sys.executable, command, {**service_variables(folders), **bento_environment(folders.bentos)})
    raise AssertionError("this process is the server now")


def _is_taken(port: int) -> bool:
    """Whether another process listens on a port; BentoML would say so in a stack trace, again and again."""
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a server that has just ended is no other
        try:
            asked.bind(("", port))
        except OSError:
            return True
    return False
