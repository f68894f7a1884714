"""The one condition by which data flows on by itself.

Belongs here: the condition, and why it is made of these parts.
Does not belong here: which assets follow it (triggers.py), what leads to a retraining (retraining.py).

`new_data` asks for an asset when what it is made from has another data version than before. It does not ask for models,
bentos or windows: each of those has one owner of its own.

    any_deps_updated().replace("newly_updated", data_version_changed())
        Something before it was made, and is another than it was. `eager()` would go by every making: a source that is
        read again without a new row would carry itself through the line. What will be asked for in the same tick counts
        too, so that one run takes new rows from the source to the vectors; a run that made both does not count, or the
        second half of it would be made twice.
    .since(...)
        A latch: it holds from the tick in which the data changed until the asset was asked for. Without it a change
        would be lost that comes while the asset is being made. Not `since_last_handled()`, which also lets go whenever
        the asset is made: a run that began before the change would let go of it. It lets go by

        newly_requested() & ~changed
            The asset was asked for in the tick before. Not where the data changed again in between: the run that was
            asked for may have begun on what was there then.
        initial_evaluation() & ~left_behind
            The first look of a new daemon is where it begins to count: what was made before it is not made again. But
            what is of other data than there is now was left behind by a change that nobody carried on, such as one
            that was told while no daemon looked; the latch is closed for it, and for what that carries with it.
        newly_updated() & all_new_updates_have_run_tags(process)
            `make run` goes on until nothing is due, by the very data versions that count here, so what it made needs no
            second run. Its runs carry a tag of their process; runs of the daemon do not.
    ~any_deps_in_progress() & ~in_progress()
        Not while something before it, or it itself, is being made: the latch keeps it for the tick after.
    ~asset_matches(features/text, in_progress()) & ~asset_matches(features/embeddings, in_progress())
        Nor while the ends of the line are being made, though this asset is made already: it would be asked for without
        them, and a retraining that stands in the queue behind that run would find tickets that have no vector yet.
    ~asset_matches(models/champion, in_progress())
        Nor while models are made: they read the same tables for minutes, and a table that changes under them ends it.
    ~any_deps_missing() & ~missing()
        A line that never ran is begun by `make run`, which asks for settings and source to be right.

A run that failed is tried once more by the instance (`run_retries` in dagster.yaml, asked for by the sensor's tag), not
by `execution_failed().newly_true()`: that is true again after each try, and would try for ever.
"""

import dagster as dg

from ticket_assets.automation.interrupted import PROCESS_TAG
from ticket_assets.automation.told import is_of_other_data

NAME = "new_data"
CHAMPION = dg.AssetKey(["models", "champion"])
ENDS = (dg.AssetKey(["features", "text"]), dg.AssetKey(["features", "embeddings"]))


class OfOtherData(dg.AutomationCondition):
    """True of an asset that was made from other versions of what stands before it than there are now."""

    @property
    def name(self) -> str:
        """As the UI shows it."""
        return "of_other_data"

    def evaluate(self, context: dg.AutomationContext) -> dg.AutomationResult:
        """Asked of an asset without partitions, in a code server: Dagster's daemon knows its own conditions alone."""
        view, none = context.asset_graph_view, context.get_empty_subset()
        if context.candidate_subset.is_empty:
            return dg.AutomationResult(context, none)
        key = context.key
        assert isinstance(key, dg.AssetKey)
        is_so = is_of_other_data(view.instance, key, view.asset_graph.get(key).parent_keys)
        return dg.AutomationResult(context, context.candidate_subset if is_so else none)


def new_data() -> dg.AutomationCondition:
    """True in the tick in which an asset is to be made because its data changed."""
    ask = dg.AutomationCondition
    changed = ask.any_deps_updated().replace("newly_updated", ask.data_version_changed()).with_label("data_changed")
    asked_for = (ask.newly_requested() & ~changed).with_label("asked_for")
    made_by_hand = (ask.newly_updated() & ask.all_new_updates_have_run_tags(tag_keys={PROCESS_TAG})).with_label(
        "made_by_hand"
    )
    first = ask.initial_evaluation()
    left_behind = (OfOtherData() | ask.any_deps_match(ask.will_be_requested())).with_label("left_behind")
    return (
        (changed | (first & left_behind)).since(asked_for | (first & ~left_behind) | made_by_hand)
        & ~ask.any_deps_in_progress()
        & ~ask.in_progress()
        & ~ask.asset_matches(ENDS[0], ask.in_progress())
        & ~ask.asset_matches(ENDS[1], ask.in_progress())
        & ~ask.asset_matches(CHAMPION, ask.in_progress())
        & ~ask.any_deps_missing()
        & ~ask.missing()
    ).with_label(NAME)
