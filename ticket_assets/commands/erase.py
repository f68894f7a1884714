"""`erase`: erase a person's tickets everywhere, and prove it.

Belongs here: the command, what it prints.
Does not belong here: the steps (serving/erasure.py), the search (serving/proof.py).
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ticket_assets.commands.instance import end_broken_off, prepare_home
from ticket_assets.settings import Settings
from ticket_assets.state import StateError, read_state, refuse_newer, refuse_older
from ticket_assets.storage import IdentityError, ProfileFolders

if TYPE_CHECKING:
    from ticket_assets.serving.erasure import Plan, Site
    from ticket_assets.serving.proof import Found
    from ticket_assets.tickets.erasure import Selection

HELP = "erase tickets everywhere and prove it; shows what it would do, and does it with --yes"
EXAMPLE = "erase --profile it_service --match someone@example.org"
NOT_UNDONE = """not undone by this:
  the source: erase the tickets there too; this profile will not read them again whatever it says
  weights that the models in use were fitted to: `make run PROFILE={profile}`, now due, trains without the tickets,
  and what it trains serves as soon as no target loses
  backups, copies, bento images and models elsewhere; files that a file system keeps after they are deleted
  of a prediction log: spools of other machines; rows that a Postgres keeps until it is vacuumed"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Whose tickets, and whether to do it."""
    parser.add_argument(
        "--id", action="append", default=[], dest="ticket_ids", metavar="ID", help="a ticket id; repeatable"
    )
    parser.add_argument("--ids", type=Path, metavar="FILE", help="file of ticket ids, one a line")
    parser.add_argument(
        "--match",
        action="append",
        default=[],
        metavar="TEXT",
        help="any ticket a row of which says this, whatever the case; repeatable",
    )
    parser.add_argument("--regex", action="store_true", help="--match is a regular expression (RE2)")
    parser.add_argument("--column", help="any ticket a row of which has exactly --value in this column")
    parser.add_argument("--value", help="for --column")
    parser.add_argument("--yes", action="store_true", help="do it; without, it is only shown")


class Refused(RuntimeError):
    """Nothing was erased; the message says why and what to do."""


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Show what would go, or erase it and prove it; 0: done, 1: something is still found, 2: refused."""
    from ticket_assets.serving.endpoint.settings import ServiceSettingsError
    from ticket_assets.serving.manifest import BundleError
    from ticket_assets.serving.prediction_log.engine import StoreDownError
    from ticket_assets.serving.redaction import LockedError
    from ticket_assets.tickets.erasure import SelectionError

    try:
        return _execute(settings, arguments)
    except (Refused, IdentityError, StateError, SelectionError, BundleError, LockedError) as error:
        print(error, file=sys.stderr)
        return 2
    except (ServiceSettingsError, StoreDownError) as error:  # of the prediction log
        print(error, file=sys.stderr)
        return 2


def _execute(settings: Settings, arguments: argparse.Namespace) -> int:
    from ticket_assets.serving.erasure import Plan, plan

    folders, wanted = ProfileFolders(settings.profile_root), _selection(arguments)
    if read_state(folders) is None:
        print(f"nothing to do: {folders.root} holds no tickets")
        return 0
    _require_quiet(settings)
    site, begun = _site(settings), Plan.begun(folders)
    if begun is not None:
        told = f"an erasure of {_tickets(begun)} was broken off"
        if not arguments.yes:
            raise Refused(f"{told}; finish it: make erase PROFILE={settings.profile} YES=1")
        print(f"{told}; it goes on here")
        status = _erase(settings, site, begun)
        if status or wanted is None:
            return status
    if wanted is None:
        raise Refused("name the tickets: --id, --ids, --match, or --column with --value; with make: ARGS='--id T-1'")
    found = plan(site, wanted)
    if found is None:
        print("nothing to do: no such ticket is found anywhere")
        return 0
    if arguments.yes:
        return _erase(settings, site, found)
    _show(site, found)
    print("\nnothing was changed; the same with --yes (YES=1) erases them")
    return 0


def _selection(arguments: argparse.Namespace) -> "Selection | None":
    from ticket_assets.tickets.erasure import Selection

    if (arguments.column is None) != (arguments.value is None):
        raise Refused("--column and --value go together: give both")
    listed: list[str] = []
    if arguments.ids is not None:
        try:
            listed = arguments.ids.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Refused(f"--ids {arguments.ids} cannot be read: {error}") from None
    ids = tuple(one.strip() for one in (*arguments.ticket_ids, *listed) if one.strip())
    if any(not one.strip() for one in arguments.match):
        raise Refused("--match is empty, which every ticket says: give the text to look for")
    if not (ids or arguments.match or arguments.column):
        return None
    return Selection(ids, tuple(arguments.match), arguments.regex, arguments.column, arguments.value)


def _require_quiet(settings: Settings) -> None:
    """Refuse beside runs and scorings, on another state than this code's, with a champion of an earlier contract."""
    import dagster as dg

    from ticket_assets.automation.erased import runs_in_progress
    from ticket_assets.serving.erased_bundles import require_known_champion
    from ticket_assets.tickets.arriving import is_scoring

    folders = ProfileFolders(settings.profile_root)
    refuse_newer(folders)
    refuse_older(folders)
    folders.require_identity(
        settings.active.identity(), settings.active.frozen()
    )  # by another id column, other tickets would go
    require_known_champion(folders.bundles)
    if is_scoring(folders.root):
        raise Refused(f"make score is at work on {settings.profile}: wait for it or stop it, then erase")
    with dg.DagsterInstance.from_config(str(prepare_home(settings))) as instance:
        end_broken_off(settings, instance)
        runs = runs_in_progress(instance)
    if runs:
        raise Refused(f"run {runs[0]} is in progress on {settings.profile}: wait for it or stop it, then erase")


def _site(settings: Settings) -> "Site":
    from ticket_assets.models.registry import Registry
    from ticket_assets.resources.tracking import mlflow_uri
    from ticket_assets.serving.endpoint.settings import log_of
    from ticket_assets.serving.erasure import Site

    active = settings.active
    labels = tuple(target.column for target in active.targets.values())
    registry = Registry(mlflow_uri(settings), f"ticket-assets-{settings.profile}")
    folders = ProfileFolders(settings.profile_root)
    return Site(folders, active.columns, labels, registry, log_of(folders))


def _erase(settings: Settings, site: "Site", found: "Plan") -> int:
    from ticket_assets.serving.erasure import carry_out, prove
    from ticket_assets.serving.erasure_words import step_lines

    print(f"erasing {_tickets(found)}")
    carry_out(site, found, lambda step, came: print(*step_lines(step, came), sep="\n"))
    _report(settings, site)
    searched = prove(site, found)
    _table(searched)
    left = [one for one in searched if one.hits]
    for one in left:
        print(f"still found: {one.path} ({one.hits})", file=sys.stderr)
    if left:
        print("the erasure is not done: mend what is named above, then run the same again", file=sys.stderr)
        return 1
    print(f"\nnothing is found any more in {len(searched)} files; recorded in {site.folders.records}")
    print(NOT_UNDONE.format(profile=settings.profile))
    for name in ("mlflow_tracking_uri", "optuna_storage_url"):
        if getattr(settings, name):
            print(f"  what {name} names: it lies outside {site.folders.root} and was not searched")
    return 0


def _report(settings: Settings, site: "Site") -> None:
    """Tell Dagster which data changed, so that the next run makes everything below it again."""
    import dagster as dg

    from ticket_assets.automation.erased import CHAMPION, RAW, report_rewritten
    from ticket_assets.serving.store import read_champion
    from ticket_assets.tickets.snapshot import version

    champion = read_champion(site.folders.bundles)
    now = {RAW: version(site.folders.raw), CHAMPION: champion.bundle if champion else None}
    with dg.DagsterInstance.from_config(str(prepare_home(settings))) as instance:
        changed = report_rewritten(instance, now)
    print(f"  due now: what stands below {', '.join(key.to_user_string() for key in changed) or 'nothing new'}")


def _show(site: "Site", found: "Plan") -> None:
    from ticket_assets.serving.erasure import look

    print(f"{_tickets(found)}:")
    for one in sorted(found.erased.tickets):
        print(f"  {one}")
    for one in sorted(found.traces.mentioned):
        print(f"other tickets speak of {one}: their text stays unless they are named too")
    if found.fitted:
        print("weights of models that serve, or may after a rollback, were fitted to them: the next run trains without")
    _table([one for one in look(site, found) if one.hits])


def _table(found: "Iterable[Found]") -> None:
    files, hits = Counter[str](), Counter[str]()
    for one in found:
        files[one.place] += 1
        hits[one.place] += one.hits
    width = max(map(len, files), default=0)
    print(f"\n  {'where':<{width}}  {'files':>6}  {'found':>6}")
    for place in sorted(files):
        print(f"  {place:<{width}}  {files[place]:>6}  {hits[place]:>6}")


def _tickets(found: "Plan") -> str:
    rows, tickets = len(found.erased.rows), len(found.erased.tickets)
    return f"{tickets} ticket{'' if tickets == 1 else 's'} ({rows} row{'' if rows == 1 else 's'})"
