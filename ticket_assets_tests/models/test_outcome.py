"""What is told of a search."""

from ticket_assets.models.outcome import TrialRow, seconds_saved


def test_what_pruning_saved_is_measured_by_the_median_of_the_family():
    def row(family, state, seconds):
        return TrialRow(0, family, state, None, 1, seconds)

    finished = [row("xgboost", "complete", seconds) for seconds in (10.0, 20.0, 90.0)]
    pruned = [row("xgboost", "pruned", 5.0), row("xgboost", "pruned", 50.0), row("lightgbm", "pruned", 1.0)]
    assert seconds_saved((*finished, *pruned, row("xgboost", "fail", 0.0))) == 15.0
