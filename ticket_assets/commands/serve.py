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


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Become BentoML's server of the champion's bento."""
    from ticket_assets.serving.bento import bento_environment, bento_folder
    from ticket_assets.serving.endpoint.settings import ServiceSettingsError, load_service_settings, variables_of
    from ticket_assets.serving.missing_bento import champions_bento

    folders, profile = ProfileFolders(settings.profile_root), settings.profile
    try:
        folder = bento_folder(folders.bentos, champions_bento(folders, profile))
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    if _is_taken(arguments.port):
        other = f"PORT={arguments.port + 1} make serve PROFILE={profile}"
        print(f"port {arguments.port} is taken (`make ui` has 3000 too): {other}", file=sys.stderr)
        return 2
    try:
        variables, address = variables_of(folders), load_service_settings().service.grpc.address
    except ServiceSettingsError as error:
        print(error, file=sys.stderr)
        return 2
    grpc_port = int(address.rpartition(":")[2]) if address else 0
    if grpc_port and _is_taken(grpc_port):  # two services that share it would answer each other's clients
        other = f"TICKET_ASSETS_SERVICE__GRPC__ADDRESS=0.0.0.0:{grpc_port + 1} make serve PROFILE={profile}"
        print(f"port {grpc_port}, for gRPC, is taken: {other} (or none, without gRPC)", file=sys.stderr)
        return 2
    command = [sys.executable, "-m", "bentoml", "serve", str(folder), "--port", str(arguments.port)]
    os.execve(sys.executable, command, {**variables, **bento_environment(folders.bentos)})
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
