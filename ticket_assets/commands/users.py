"""`users`: add, disable and list the users of a profile's console, set their passwords.

Belongs here: the command, asking for a password. Does not belong here: what a user is (serving/access/users.py).
"""

import argparse
import getpass
import sys
from datetime import UTC, datetime
from pathlib import Path

from ticket_assets.settings import Settings
from ticket_assets.storage import ProfileFolders

HELP = "add, disable and list the users who sign in to the service, set their passwords"
EXAMPLE = "users --profile it_service add --name anna --scopes predict,feedback"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with whom; a password is asked for, or read from stdin, and is never an argument."""
    actions = parser.add_subparsers(dest="action", required=True)
    add = actions.add_parser("add", help="a user; the password is asked for, or is the first line of stdin")
    add.add_argument("--name", required=True, help="small letters, digits and . _ @ -")
    add.add_argument("--scopes", required=True, help="predict, feedback, admin; several with commas between them")
    password = actions.add_parser("password", help="another password; tokens from before are refused at once")
    disable = actions.add_parser("disable", help="neither sign-in nor tokens from now on")
    enable = actions.add_parser("enable", help="both again; tokens from before stay refused")
    for action in (password, disable, enable):
        action.add_argument("--name", required=True)
    actions.add_parser("list", help="names, scopes, dates")


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Do it; 2 for what cannot be done with such arguments."""
    from ticket_assets.serving.access.private_file import AccessFileError
    from ticket_assets.serving.access.settings import users_file
    from ticket_assets.serving.access.users import UserError

    path = users_file(ProfileFolders(settings.profile_root).access)
    actions = {"add": _add, "password": _password, "disable": _disable, "enable": _enable}
    try:
        if arguments.action == "list":
            _list(path, settings.profile)
        else:
            actions[arguments.action](path, arguments)
    except (UserError, AccessFileError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _add(path: Path, arguments: argparse.Namespace) -> None:
    from ticket_assets.serving.access.policy import scopes_of
    from ticket_assets.serving.access.users import Passwords, UserError, add_user, new_user, require_free

    try:
        scopes = scopes_of(arguments.scopes)
    except ValueError as error:
        raise UserError(f"--scopes: {error}") from None
    require_free(path, arguments.name)  # before anybody thinks of a password
    add_user(path, new_user(arguments.name, _asked(arguments.name), scopes, Passwords(), datetime.now(UTC)))
    print(f"added: {arguments.name}")


def _password(path: Path, arguments: argparse.Namespace) -> None:
    from ticket_assets.serving.access.users import Passwords, set_password

    set_password(path, arguments.name, _asked(arguments.name), Passwords())
    print(f"{arguments.name} has another password; tokens from before are refused")


def _disable(path: Path, arguments: argparse.Namespace) -> None:
    from ticket_assets.serving.access.users import set_disabled

    set_disabled(path, arguments.name, True)
    print(f"disabled: {arguments.name}")


def _enable(path: Path, arguments: argparse.Namespace) -> None:
    from ticket_assets.serving.access.users import set_disabled

    set_disabled(path, arguments.name, False)
    print(f"enabled: {arguments.name}")


def _list(path: Path, profile: str) -> None:
    from ticket_assets.serving.access.users import stored_users

    users = stored_users(path)
    for user in users.values():
        state = "disabled" if user.disabled else "in force"
        print(f"{user.name}  {state}  {','.join(sorted(user.scopes))}  made {user.created:%Y-%m-%d}")
    if not users:
        print(f"no user yet: make users PROFILE={profile} ARGS='add --name anna --scopes predict,feedback'")


def _asked(name: str) -> str:
    """A password: asked for twice at a terminal, else the first line of stdin.

    Raises:
        UserError: the two differ.
    """
    from ticket_assets.serving.access.users import UserError

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass(f"password of {name}: ")
    if getpass.getpass("again: ") != password:
        raise UserError("the two differ: nothing is changed")
    return password
