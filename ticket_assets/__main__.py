"""The command line: bring a profile up to date, and say what it made.

Belongs here: arguments, the order of runs, what is printed.
Does not belong here: what is due (automation/staleness.py), what a run does (the assets).
"""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ticket_assets.settings import PREFIX, Settings, SettingsError, load_settings, settings_file
from ticket_assets.storage import IdentityError, ProfileFolders

if TYPE_CHECKING:
    import dagster as dg

# Each run brings the line at least one step further, so that more are needed only if it never comes to rest.
ROUNDS = 20

# Threads that wait must sleep: spinning, two fits on a busy machine take each other's cores and a fit takes minutes.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ticket_assets", description="Support-ticket triage.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, told in (
        ("run", "materialise whatever is not up to date, then print the report"),
        ("report", "print scores, decision and bento of what is there"),
        ("serve", "serve the champion's bento over HTTP"),
        ("home", "prepare the profile's Dagster instance and print its folder, for DAGSTER_HOME"),
        ("settings", "print the settings in force"),
    ):
        command = commands.add_parser(name, help=told, description=told)
        command.add_argument("--profile", help=f"profile of {settings_file().name}; default: the one set there")
        if name == "serve":
            command.add_argument("--port", type=int, default=3000, help="default: 3000")
        if name == "run":
            command.add_argument(
                "--source", help="file, folder, glob or s3:// URL to read instead of the profile's source.path"
            )
    chosen = parser.parse_args(arguments)
    try:
        settings = _settings(chosen.profile, getattr(chosen, "source", None))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if chosen.command == "serve":
        return serve(settings, chosen.port)
    return {"run": run, "report": report, "home": home, "settings": show}[chosen.command](settings)


class _Unfinished(RuntimeError):
    """The line is not up to date; the message says why."""


def run(settings: Settings) -> int:
    """Materialise what is due, in as few runs as data versions allow."""
    import dagster as dg

    from ticket_assets.automation.interrupted import close_interrupted
    from ticket_assets.automation.source import how_to_forget, is_remembered, observe_source, remember_source
    from ticket_assets.tickets.sources import SourceError

    begun = time.monotonic()
    with dg.DagsterInstance.from_config(str(prepare_home(settings))) as instance:
        for run_id in close_interrupted(instance):
            print(f"run {run_id} was broken off; it goes on here", file=sys.stderr)
        try:
            ProfileFolders(settings.profile_root).require_identity(settings.active.identity())
            observe_source(settings, instance)
            print(f"source: {remember_source(settings)}", file=sys.stderr)
            made = _bring_up_to_date(instance)
        except IdentityError as error:
            print(error, file=sys.stderr)
            return 2
        except SourceError as error:
            print(error, file=sys.stderr)
            if is_remembered(settings):
                print(f"this source was given to an earlier run; {how_to_forget(settings)}", file=sys.stderr)
            return 2
        except _Unfinished as error:
            print(f"\n{error}", file=sys.stderr)
            return 1
    took = time.monotonic() - begun
    if made:
        print(f"\nmade {made} assets in {took:.0f} s")
    else:
        print(f"\nnothing to do: every asset is up to date, no materialisation, data versions kept ({took:.0f} s)")
    return report(settings)


def _bring_up_to_date(instance: "dg.DagsterInstance") -> int:
    """Run what is due until nothing is; return how many assets were made.

    Raises:
        _Unfinished: a run failed, or assets are due however often they are made.
    """
    import dagster as dg

    from ticket_assets.automation.interrupted import process_tag
    from ticket_assets.automation.staleness import due_assets, next_run
    from ticket_assets.definitions import defs, line_job

    made = 0
    for _ in range(ROUNDS):
        due = due_assets(defs, instance)
        selection = next_run(defs, due.values())
        if not selection:
            return made
        for key in selection:
            print(f"due: {key.to_user_string()} ({', '.join(due[key].reasons) or 'never made'})", file=sys.stderr)
        done = dg.execute_job(
            dg.reconstructable(line_job),
            instance,
            run_config={"loggers": {"console": {}}},
            tags=process_tag(),
            asset_selection=selection,
        )
        if not done.success:
            raise _Unfinished(
                f"run {done.run_id} failed; mend the cause and run the same command again: what was finished is kept"
            )
        made += len(selection)
    left = sorted(key.to_user_string() for key in due_assets(defs, instance))
    if left:
        raise _Unfinished(
            f"still due after {ROUNDS} runs: {', '.join(left)}. Either the source changes faster than it is read, or "
            "one of them has another data version each time it is made: the event log in the UI shows which"
        )
    return made


def report(settings: Settings) -> int:
    """Print what is there, and what to open next."""
    from ticket_assets.serving.report import report_lines

    for line in report_lines(settings):
        print(line)
    return 0


def serve(settings: Settings, port: int) -> int:
    """Become BentoML's server of the champion's bento."""
    from ticket_assets.serving.bento import bento_environment, bento_folder, bento_tag
    from ticket_assets.serving.store import require_champion

    folders = ProfileFolders(settings.profile_root)
    try:
        champion = require_champion(folders.bundles)
    except FileNotFoundError as error:
        raise SystemExit(str(error)) from None
    folder = bento_folder(folders.bentos, bento_tag(settings.profile, champion))
    command = [sys.executable, "-m", "bentoml", "serve", str(folder), "--port", str(port)]
    os.execve(sys.executable, command, bento_environment(folders.bentos))


def home(settings: Settings) -> int:
    """Print the Dagster home."""
    print(prepare_home(settings))
    return 0


def show(settings: Settings) -> int:
    """Print the settings as JSON."""
    print(settings.model_dump_json(indent=2))
    return 0


def prepare_home(settings: Settings) -> Path:
    """Folder of the profile's Dagster instance, with the project's dagster.yaml in it."""
    folder = settings.profile_root / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(Path(__file__).resolve().parents[1] / "dagster.yaml", folder / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


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
