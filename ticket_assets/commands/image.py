"""`image`: make a container image of the champion's bento.

Belongs here: the command, what it prints. Does not belong here: making it (serving/image.py), what is in it
(bento.Dockerfile).
"""

import argparse
import sys

from ticket_assets.settings import Settings
from ticket_assets.storage import ProfileFolders

HELP = "make a container image of the champion's bento"
EXAMPLE = "image --profile it_service --engine docker"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Engine, and options for it."""
    parser.add_argument("--engine", choices=("podman", "docker"), help="default: podman, else docker")
    parser.add_argument(
        "--opt", action="append", default=[], help="option of the engine's build, such as build-arg=BASE_IMAGE=…"
    )


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Make the image, and say how it is run."""
    from ticket_assets.serving.image import ImageError, build_image, find_engine
    from ticket_assets.serving.missing_bento import champions_bento

    folders = ProfileFolders(settings.profile_root)
    try:
        tag = champions_bento(folders, settings.profile)
        made = build_image(find_engine(arguments.engine), tag, folders.bentos, arguments.opt)
    except (FileNotFoundError, ImageError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"image {made.name}, {made.size / 1e6:,.0f} MB, in the store of {made.engine}")
    print(
        f"run it: {made.engine} run --read-only --tmpfs /tmp -v ticket-assets:/state -p 3000:3000 -p 50051:50051 "
        f"-e TICKET_ASSETS_ACCESS__KEYS {made.name}"
    )
    print(
        f"a key for that variable: make keys PROFILE={settings.profile} ARGS='add --name me --scopes predict", end=" "
    )
    print("--print-variable'; docs/image.md has the rest")
    return 0
