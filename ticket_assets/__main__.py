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

from ticket_assets.settings import PREFIX, Settings, SettingsError, load_settings, settings_file

STEPS_AT_MOST = 20


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
            command.add_argument("--source", help="file or glob to read instead of the profile's source.path")
    chosen = parser.parse_args(arguments)
    try:
        settings = _settings(chosen.profile, getattr(chosen, "source", None))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if chosen.command == "serve":
        return serve(settings, chosen.port)
    return {"run": run, "report": report, "home": home, "settings": show}[chosen.command](settings)


def run(settings: Settings) -> int:
    """Materialise what is due, in as few runs as data versions allow."""
    import dagster as dg

    from ticket_assets.automation.interrupted import close_interrupted, process_tag
    from ticket_assets.automation.source import observe_source
    from ticket_assets.automation.staleness import due_assets, next_run
    from ticket_assets.definitions import defs, line_job
    from ticket_assets.tickets.sources import SourceError

    begun, made = time.monotonic(), 0
    with dg.DagsterInstance.from_config(str(prepare_home(settings))) as instance:
        for run_id in close_interrupted(instance):
            print(f"run {run_id} was broken off; it goes on here", file=sys.stderr)
        try:
            observe_source(settings, instance)
        except SourceError as error:
            print(error, file=sys.stderr)
            return 2
        for _ in range(STEPS_AT_MOST):
            due = due_assets(defs, instance)
            selection = next_run(defs, due.values())
            if not selection:
                break
            for key in selection:
                print(
                    f"due: {key.to_user_string()} ({', '.join(due[key].reasons) or 'never made'})",
                    file=sys.stderr,
                )
            done = dg.execute_job(
                dg.reconstructable(line_job),
                instance,
                run_config={"loggers": {"console": {}}},
                tags=process_tag(),
                asset_selection=selection,
            )
            if not done.success:
                print(
                    f"\nrun {done.run_id} failed; mend the cause and run the same command again: "
                    "what was finished is kept",
                    file=sys.stderr,
                )
                return 1
            made += len(selection)
    took = time.monotonic() - begun
    if made:
        print(f"\nmade {made} assets in {took:.0f} s")
    else:
        print(f"\nnothing to do: every asset is up to date, no materialisation, data versions kept ({took:.0f} s)")
    return report(settings)


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
    from ticket_assets.storage import ProfileFolders

    folders = ProfileFolders(settings.profile_root)
    folder = bento_folder(folders.bentos, bento_tag(settings.profile, require_champion(folders.bundles)))
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
    if source:
        name = load_settings().profile.upper()
        os.environ[f"{PREFIX}PROFILES__{name}__SOURCE__PATH"] = str(Path(source).absolute())
    return load_settings()


if __name__ == "__main__":
    sys.exit(main())
