"""Group monitoring: whether live traffic is still what the champion was made for.

Belongs here: declarations. The arithmetic is in ticket_assets/monitoring/: `predictions` in day_tables.py, `drift` and
`performance` in judging.py, the others under the same words; but for `shadow`, which is serving/probation.py. What
starts them is automation/schedules.py alone.
"""

from datetime import date, datetime, timedelta

import dagster as dg

from ticket_assets.assets import monitoring_reporting as reporting
from ticket_assets.assets import shadow_reporting
from ticket_assets.assets.declaration import SYSTEM_RETRY, WATCHING_POOL, asset
from ticket_assets.monitoring import judged as files
from ticket_assets.monitoring.day_tables import forget_days, read_until, write_day
from ticket_assets.monitoring.evidently_report import forget_pages
from ticket_assets.monitoring.history import append_windows, read_history, unseen_feedback
from ticket_assets.monitoring.judging import judge_drift, judge_performance, next_windows
from ticket_assets.monitoring.reference import make_reference
from ticket_assets.monitoring.reference_store import forget_references, load_reference, save_reference
from ticket_assets.monitoring.trend import points
from ticket_assets.resources.beside import Beside
from ticket_assets.resources.desk import Desk
from ticket_assets.resources.watch import NO_CHAMPION, NO_LOG, Watch, now
from ticket_assets.storage import digest

# Today's table grows while the day runs; of days without a log there are none.
DAYS = dg.DailyPartitionsDefinition(start_date="2026-01-01", timezone="UTC", end_offset=1)
# The schedule runs them on every day on which there is a log, whether tickets come or not.
WATCHED_DAILY = dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=26), fail_window=timedelta(hours=50))
PREDICTIONS = dg.AssetKey(["monitoring", "predictions"])
REFERENCE = dg.AssetKey(["monitoring", "reference"])
DRIFT = dg.AssetKey(["monitoring", "drift"])
PERFORMANCE = dg.AssetKey(["monitoring", "performance"])
NOTHING = "none"


@asset(
    "monitoring",
    "predictions",
    kinds={"parquet", "sqlalchemy"},
    deps=[["tickets", "clean"]],
    partitions_def=DAYS,
    retry_policy=SYSTEM_RETRY,
)
def predictions(context: dg.AssetExecutionContext, desk: Desk) -> dg.MaterializeResult:
    """Live answers of a day as the prediction log has them, with the labels that are known by now."""
    watch, targets = Watch(desk), tuple(desk.active.targets)
    log = watch.log
    if log is None:
        return dg.MaterializeResult(data_version=dg.DataVersion(NOTHING), metadata={"state": NO_LOG})
    days, labels = [date.fromisoformat(one) for one in context.partition_keys], watch.labels()
    with watch.engine(log) as engine:
        states = {day: write_day(engine, watch.folder, day, now(), targets, labels) for day in days}
    kept = watch.kept_since(now())
    gone = forget_days(watch.folder, kept) if kept else 0
    for day, state in states.items():
        told = reporting.day_metadata(watch.folder, day, state, gone)
        context.add_asset_metadata(told, partition_key=day.isoformat())
    return dg.MaterializeResult(data_version=dg.DataVersion(digest([str(one) for one in states.values()])))


@asset(
    "monitoring",
    "reference",
    kinds={"parquet", "numpy"},
    deps=[["tickets", "clean"], ["models", "split"], ["features", "embeddings"], ["models", "champion"]],
    pool=WATCHING_POOL,
)
def reference(context: dg.AssetExecutionContext, desk: Desk) -> dg.MaterializeResult:
    """What the champion was made for: training rows, and held-out rows with its answers; made once per champion."""
    watch = Watch(desk)
    if watch.champion is None:
        return dg.MaterializeResult(data_version=dg.DataVersion(NOTHING), metadata={"state": NO_CHAMPION})
    basis = load_reference(watch.folder, watch.champion.bundle, watch.made_with)
    if basis is None:
        bundle = watch.bundle()
        context.log.info(f"reading the reference of {watch.champion.bundle}")
        its = watch.made_with
        basis = make_reference(bundle, watch.tables(bundle.manifest), its.max_rows, its.min_sample, its.seed)
        save_reference(watch.folder, basis, watch.made_with)
    gone = forget_references(watch.folder, {watch.champion.bundle})
    return dg.MaterializeResult(
        data_version=dg.DataVersion(digest([watch.champion.bundle, str(watch.made_with)])),
        metadata=reporting.reference_metadata(watch.folder, watch.champion, basis, gone),
    )


@asset(
    "monitoring",
    "drift",
    kinds={"evidently", "scipy"},
    deps=[PREDICTIONS, REFERENCE],
    freshness_policy=WATCHED_DAILY,
    pool=WATCHING_POOL,
)
def drift(context: dg.AssetExecutionContext, desk: Desk) -> dg.MaterializeResult:
    """Every complete window of the champion that was not judged yet, in order, against the reference."""
    watch = Watch(desk)
    until = read_until(watch.folder)
    if watch.champion is None or until is None:
        state = NO_CHAMPION if watch.champion is None else NO_LOG
        return dg.MaterializeResult(data_version=dg.DataVersion(NOTHING), metadata={"state": state})
    if missing := watch.without_reference():  # the check says so too
        context.log.warning(missing)
        return dg.MaterializeResult(data_version=dg.DataVersion(NOTHING), metadata={"state": missing})
    bench = watch.bench()
    plan, detector = next_windows(bench, watch.champion, until), watch.detector(bench)
    for window in plan.closed:
        found = judge_drift(bench, window, detector)
        context.log.info(f"window {window.id}: {found.verdict}; {'; '.join(found.reasons) or 'nothing speaks'}")
    forget_pages(watch.folder)
    judged = watch.judged()
    return dg.MaterializeResult(
        data_version=dg.DataVersion(judged[-1].window.id if judged else NOTHING),
        metadata=reporting.drift_metadata(watch.folder, judged, len(plan.closed), plan.waiting),
    )


@asset(
    "monitoring",
    "performance",
    kinds={"scipy"},
    deps=[PREDICTIONS, REFERENCE, DRIFT],
    freshness_policy=WATCHED_DAILY,
)
def performance(context: dg.AssetExecutionContext, desk: Desk) -> dg.MaterializeResult:
    """The same windows: answers and labels against what the champion promised."""
    watch = Watch(desk)
    known = {one.window.id for one in watch.judged(files.PERFORMANCE)}
    due = [one.window for one in watch.judged() if one.window.id not in known]
    missing = watch.without_reference()
    if due and not missing:
        bench = watch.bench()
        for window in due:
            found = judge_performance(bench, window)
            context.log.info(f"window {window.id}: {found.verdict}; {'; '.join(found.reasons) or 'as promised'}")
    judged = watch.judged(files.PERFORMANCE)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(judged[-1].window.id if judged else NOTHING),
        metadata=reporting.performance_metadata(judged, 0 if missing else len(due), missing),
    )


@asset(
    "monitoring",
    "history",
    kinds={"matplotlib"},
    deps=[DRIFT, PERFORMANCE],
    freshness_policy=WATCHED_DAILY,
)
def history(desk: Desk) -> dg.MaterializeResult:
    """One record per judged window, appended once: what a retraining is decided from, and the trend."""
    watch, added = Watch(desk), 0
    log = watch.log
    if watch.champion is not None and watch.judged(files.PERFORMANCE) and log is not None:
        with watch.engine(log) as engine:
            corrected = unseen_feedback(engine, datetime.fromisoformat(watch.champion.since))
        its = watch.champion
        added = len(append_windows(watch.folder, its.bundle, its.since, corrected, watch.former))
    records = read_history(watch.folder)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(records[-1].window if records else NOTHING),
        metadata=reporting.history_metadata(
            records, points(watch.folder, records), added, watch.settings.drift, desk.profile
        ),
    )


@asset(
    "monitoring",
    "shadow",
    kinds={"scipy", "matplotlib"},
    deps=[PREDICTIONS, ["monitoring", "history"], ["models", "champion"]],
    freshness_policy=WATCHED_DAILY,
)
def shadow(context: dg.AssetExecutionContext, desk: Desk) -> dg.MaterializeResult:
    """Who is in the champion's shadow, by live tickets: it waits, is refused, or takes the seat.

    The last step of a run: the others judge one champion from the first to the last.
    """
    beside = Beside(desk)
    if beside.challenger is None:
        state = {"state": shadow_reporting.NOBODY}
        return dg.MaterializeResult(data_version=dg.DataVersion(NOTHING), metadata=state)
    outcome = beside.look(now())
    context.log.info(outcome.reason)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(digest([str(outcome)])),
        metadata=shadow_reporting.shadow_metadata(outcome, desk.active.promotion.shadow_max_loss),
    )
