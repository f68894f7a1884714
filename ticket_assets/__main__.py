"""The command line: which command, which profile.

Belongs here: the list of commands, the settings they are given.
Does not belong here: what a command does (commands/).
"""

import argparse
import os
import sys
from contextlib import nullcontext
from pathlib import Path

from ticket_assets.commands import (
    challenger,
    champion,
    erase,
    home,
    image,
    keys,
    mend,
    monitor,
    quarantine,
    report,
    retrain,
    rollback,
    run,
    score,
    serve,
    settings,
    ui,
    unpin,
    upgrade,
    users,
)
from ticket_assets.commands.instance import BusyError, alone
from ticket_assets.settings import PREFIX, Settings, SettingsError, load_settings, settings_file
from ticket_assets.state import StateError, read_state, require_state
from ticket_assets.storage import ProfileFolders

COMMANDS = {
    **{"run": run, "report": report, "quarantine": quarantine, "mend": mend},
    **{"monitor": monitor, "champion": champion, "challenger": challenger, "retrain": retrain},
    **{"rollback": rollback, "unpin": unpin},
    **{"serve": serve, "image": image, "score": score, "ui": ui, "home": home, "settings": settings},
    **{"erase": erase, "upgrade": upgrade},
    **{"keys": keys, "users": users},
}

# On a profile that never ran they have nothing to say, and must not begin its state.
OF_A_FILLED_ROOT = {
    "quarantine",
    "mend",
    "monitor",
    "champion",
    "challenger",
    "retrain",
    "rollback",
    "unpin",
    "serve",
    "image",
    "score",
}
# One at a time on a profile, with `run`: what one of them has looked at must not change under it.
CHANGING = {"mend", "rollback", "unpin", "erase", "upgrade"}

# Threads that wait must sleep: spinning, two fits on a busy machine take each other's cores and a fit takes minutes.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ticket_assets", description="Support-ticket triage.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, module in COMMANDS.items():
        example = f"example: python -m ticket_assets {module.EXAMPLE}"
        command = commands.add_parser(name, help=module.HELP, description=module.HELP, epilog=example)
        command.add_argument("--profile", help=f"profile of {settings_file().name}; default: the one set there")
        module.add_arguments(command)
    chosen = parser.parse_args(arguments)
    try:
        in_force = _settings(chosen.profile, getattr(chosen, "source", None))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    return _execute(chosen, in_force)


def _execute(chosen: argparse.Namespace, settings: Settings) -> int:
    """Run the command where the profile's state allows it; alone where it changes that state."""
    folders, name = ProfileFolders(settings.profile_root), chosen.command
    is_filled = read_state(folders) is not None
    if name in OF_A_FILLED_ROOT and not is_filled:
        print(f"profile {settings.profile} has nothing yet: make run PROFILE={settings.profile}", file=sys.stderr)
        return 2
    try:
        if name in OF_A_FILLED_ROOT - {"serve"}:
            require_state(folders)
        with alone(settings) if name == "run" or (name in CHANGING and is_filled) else nullcontext():
            return COMMANDS[name].execute(settings, chosen)
    except StateError as error:
        print(error, file=sys.stderr)
        return 2
    except BusyError as error:
        print(error, file=sys.stderr)
        return 1


def _settings(profile: str | None, source: str | None) -> Settings:
    """Settings with the command's choices put into the environment, so that step processes see them too."""
    if profile:
        os.environ[f"{PREFIX}PROFILE"] = profile
    settings = load_settings()
    if not source:
        return settings
    kind = settings.active.source.kind
    if kind != "files":
        does = "generates its tickets" if kind == "sample" else "reads its tickets elsewhere"
        raise SettingsError(
            f"--source {source}: profile {settings.profile} {does} (source.kind = {kind!r}) and reads "
            f"no file: name a profile with kind = 'files', or leave --source out"
        )
    given = source if "://" in source else str(Path(source).absolute())
    os.environ[f"{PREFIX}PROFILES__{settings.profile.upper()}__SOURCE__PATH"] = given
    return load_settings()


if __name__ == "__main__":
    sys.exit(main())
