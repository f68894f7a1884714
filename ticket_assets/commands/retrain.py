"""`retrain`: order a challenger by hand, for a daemon to make, or make it here.

Belongs here: the command, and saying what will happen.
Does not belong here: the order (monitoring/orders.py), when it is carried out (monitoring/decision.py), the run's job
(automation/retraining.py).
"""

import argparse
import sys
from dataclasses import replace
from datetime import UTC, datetime

from ticket_assets.commands.instance import BusyError, alone, end_broken_off, prepare_home
from ticket_assets.settings import Settings
from ticket_assets.storage import ProfileFolders

HELP = "order a challenger by hand: made by the daemon (make ui), or with --now here"
EXAMPLE = 'retrain --profile it_service --reason "new product since Monday"'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Why, and where."""
    parser.add_argument("--reason", default="by hand", help="goes into the order and the run; default: %(default)s")
    parser.add_argument("--now", action="store_true", help="make it here, in this process, without a daemon")


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Write the order down; with --now carry it out."""
    if not arguments.now:
        return _order(settings, arguments.reason)
    try:
        with alone(settings):
            return _carry_out(settings, arguments.reason)
    except BusyError as error:
        print(error, file=sys.stderr)
        return 1


def _order(settings: Settings, reason: str) -> int:
    import dagster as dg

    from ticket_assets.automation.evidence import gather
    from ticket_assets.automation.triggers import parents_by_condition
    from ticket_assets.definitions import defs
    from ticket_assets.monitoring.decision import decide
    from ticket_assets.monitoring.orders import new_order, write_order

    folders, now, rules = ProfileFolders(settings.profile_root), datetime.now(UTC), settings.active.monitoring
    order, least = new_order(reason, now), settings.active.promotion.recent_families
    write_order(folders.records, order)
    parents = parents_by_condition(defs.resolve_asset_graph())
    with dg.DagsterInstance.from_config(str(prepare_home(settings))) as instance:
        end_broken_off(settings, instance)
        decision = decide(gather(settings, instance, parents, now), rules.retrain, rules.drift, least)
    print(f"order {order.id}: {reason}")
    if decision.retrain:
        print(f"the daemon begins within a minute, where it runs (make ui PROFILE={settings.profile}): {decision.why}")
    else:
        print(f"it waits: {decision.why}")
    print(f"without a daemon: make retrain PROFILE={settings.profile} NOW=1")
    return 0


def _carry_out(settings: Settings, reason: str) -> int:
    import dagster as dg

    from ticket_assets.automation.evidence import gather
    from ticket_assets.automation.interrupted import process_tag
    from ticket_assets.automation.retraining import run_tags
    from ticket_assets.automation.runs import at_work
    from ticket_assets.automation.triggers import parents_by_condition
    from ticket_assets.definitions import defs, retrain_here
    from ticket_assets.monitoring.decision import decide
    from ticket_assets.monitoring.orders import new_order, settle_order, write_order
    from ticket_assets.serving.chronicle import Chronicle
    from ticket_assets.serving.history import now_lines

    folders, now, rules = ProfileFolders(settings.profile_root), datetime.now(UTC), settings.active.monitoring
    parents, least = parents_by_condition(defs.resolve_asset_graph()), settings.active.promotion.recent_families
    with dg.DagsterInstance.from_config(str(prepare_home(settings))) as instance:
        end_broken_off(settings, instance)
        # The daemon's retrainings stand in one queue with what makes their tables; this one stands in none.
        if making := [*at_work(instance, "tickets", now), *at_work(instance, "features", now)]:
            print(f"not now: run {making[0].run_id[:8]} makes the tables; wait until it is done", file=sys.stderr)
            return 1
        order, evidence = new_order(reason, now), gather(settings, instance, parents, now)
        decision = decide(replace(evidence, orders=(*evidence.orders, order)), rules.retrain, rules.drift, least)
        if not decision.retrain:
            print(f"not now: {decision.why}", file=sys.stderr)
            return 1
        print(f"order {order.id}, made here: {decision.why}", file=sys.stderr)
        tags = {**process_tag(), **run_tags(decision)}
        done = dg.execute_job(
            dg.reconstructable(retrain_here), instance, run_config={"loggers": {"console": {}}}, tags=tags
        )
        write_order(folders.records, order)  # not before: the daemon would carry it out beside this
        if done.success:
            settle_order(folders.records, order, done.run_id)
    if not done.success:
        print(f"run {done.run_id} failed: mend the cause and run the same command again", file=sys.stderr)
        return 1
    for line in now_lines(Chronicle.read(folders.records, folders.bundles), datetime.now(UTC)):
        print(line)
    print(f"\nmake run PROFILE={settings.profile}   builds the bento of a new champion, where no daemon does")
    return 0
