"""`upgrade`: bring the state that an earlier version of the project left to this one's.

Belongs here: the command, and what `run` says when it does the same by itself.
Does not belong here: the migrations (serving/upgrade.py).
"""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from ticket_assets.settings import Settings, path_in_file
from ticket_assets.state import STATE_VERSION, StateError
from ticket_assets.storage import ProfileFolders

if TYPE_CHECKING:
    from ticket_assets.serving.upgrade import Old

HELP = "bring the state that an earlier version of the project left to this one's"
EXAMPLE = "upgrade --profile it_service"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The source, where the first versions kept its path."""
    parser.add_argument("--source", help="file or glob that the state was made from, if the settings name another")


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Upgrade, and say what was done."""
    from ticket_assets.serving.upgrade import champion_faults, upgrade

    try:
        done = upgrade(_old(settings))
    except StateError as error:
        print(error, file=sys.stderr)
        return 2
    for line in done or [f"nothing to do: the state is of this version (state {STATE_VERSION})"]:
        print(line)
    faults = champion_faults(ProfileFolders(settings.profile_root))
    if faults:
        print(f"the champion does not answer with this code ({'; '.join(faults)}): make run PROFILE={settings.profile}")
    return 0


def bring_to_date(settings: Settings) -> None:
    """What `run` does first: upgrade, told on one line.

    Raises:
        StateError: a later version wrote the root.
    """
    from ticket_assets.serving.upgrade import champion_faults, upgrade

    done = upgrade(_old(settings))
    if done:
        print(f"state of an earlier version upgraded: {'; '.join(done)}", file=sys.stderr)
    faults = champion_faults(ProfileFolders(settings.profile_root))
    if faults:
        told = f"the champion does not answer with this code ({'; '.join(faults)})"
        print(f"{told}; what follows trains and judges another", file=sys.stderr)


def _old(settings: Settings) -> "Old":
    """The root with every path that its source may have been known by."""
    from ticket_assets.serving.upgrade import Old

    memory = settings.source_memory
    remembered = json.loads(memory.read_text())["path"] if memory.exists() else None
    paths = (settings.active.source.path, path_in_file(settings.profile), remembered)
    return Old(ProfileFolders(settings.profile_root), settings.active, paths)
