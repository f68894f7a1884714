"""`keys`: make, list and revoke the API keys of a profile's service.

Belongs here: the command. Does not belong here: what a key is (serving/access/keys.py).
"""

import argparse
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ticket_assets.settings import Settings
from ticket_assets.storage import ProfileFolders

HELP = "make, list and revoke API keys of the service"
EXAMPLE = "keys --profile it_service add --name crm --scopes predict,feedback --expires 90d"
_SPAN = re.compile(r"(\d{1,5})([hd])")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which key."""
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="make a key and print it, once")
    add.add_argument("--name", required=True, help="of who or what will use it; stands in logs")
    add.add_argument("--scopes", required=True, help="predict, feedback, admin; several with commas between them")
    add.add_argument("--expires", metavar="90d", help="after so many days (d) or hours (h); default: never")
    add.add_argument("--rate", type=float, metavar="N", help="requests per second of its own; 0: no limit")
    add.add_argument("--burst", type=int, metavar="N", help="with --rate: how many at once after a pause")
    add.add_argument(
        "--print-variable",
        action="store_true",
        help="keep nothing, and print also what TICKET_ASSETS_ACCESS__KEYS takes, for a Kubernetes secret",
    )
    revoke = actions.add_parser("revoke", help="refuse a key from now on; running services notice within a second")
    revoke.add_argument("--name", required=True)
    actions.add_parser("list", help="names, scopes, dates; of the keys themselves nothing is kept")


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Do it; 2 for what cannot be done with such arguments."""
    from ticket_assets.serving.access.keys import KeyNameError
    from ticket_assets.serving.access.private_file import AccessFileError
    from ticket_assets.serving.access.settings import keys_file

    path = keys_file(ProfileFolders(settings.profile_root).access)
    try:
        if arguments.action == "list":
            _list(path, settings.profile)
        else:
            {"add": _add, "revoke": _revoke}[arguments.action](path, arguments)
    except (KeyNameError, AccessFileError, _ArgumentError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


class _ArgumentError(ValueError):
    """An argument will not do."""


def _add(path: Path, arguments: argparse.Namespace) -> None:
    from ticket_assets.serving.access.keys import add_key, as_variable, new_key
    from ticket_assets.serving.access.limits import Rate
    from ticket_assets.serving.access.policy import scopes_of

    now, rate = datetime.now(UTC), None
    if arguments.rate is not None:
        if not 0 <= arguments.rate < float("inf"):
            raise _ArgumentError("--rate: requests per second, 0 or more")
        rate = Rate(arguments.rate, max(1, arguments.burst or int(2 * arguments.rate)))
    elif arguments.burst is not None:
        raise _ArgumentError("--burst goes with --rate: say how many per second on average")
    try:
        scopes = scopes_of(arguments.scopes)
    except ValueError as error:
        raise _ArgumentError(f"--scopes: {error}") from None
    if arguments.print_variable and (arguments.expires or rate):
        raise _ArgumentError("--print-variable: such a key has neither --expires nor --rate, only name and scopes")
    expires = now + _span(arguments.expires) if arguments.expires else None
    key, kept = new_key(arguments.name, scopes, now, expires, rate)
    if not arguments.print_variable:
        add_key(path, kept)
    print(key)
    if arguments.print_variable:
        print(as_variable(kept))
    print("This is the only time it is shown; send it as `Authorization: Bearer <key>`.", file=sys.stderr)


def _revoke(path: Path, arguments: argparse.Namespace) -> None:
    from ticket_assets.serving.access.keys import revoke_key

    print(f"revoked: {revoke_key(path, arguments.name).name}")


def _list(path: Path, profile: str) -> None:
    from ticket_assets.serving.access.keys import stored_keys

    now, keys = datetime.now(UTC), stored_keys(path)
    for key in keys:
        until = f"until {key.expires:%Y-%m-%d %H:%M} UTC" if key.expires else "for ever"
        made = f"made {key.created:%Y-%m-%d}" if key.created else ""
        rate = f"{key.rate.per_second:g}/s, burst {key.rate.burst}" if key.rate else ""
        print(
            "  ".join(
                part for part in (key.name, key.state(now), ",".join(sorted(key.scopes)), made, until, rate) if part
            )
        )
    if not keys:
        print(f"no key yet: make keys PROFILE={profile} ARGS='add --name crm --scopes predict,feedback'")


def _span(text: str) -> timedelta:
    found = _SPAN.fullmatch(text)
    if not found or int(found[1]) == 0:
        raise _ArgumentError(f"--expires {text}: write 90d for days, or 12h for hours")
    return timedelta(days=int(found[1])) if found[2] == "d" else timedelta(hours=int(found[1]))
