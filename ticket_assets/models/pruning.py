"""Which trial goes on to the next rung: asynchronous successive halving (Li et al. 2020), within its family.

Belongs here: the pruner. Does not belong here: the rungs (training.py), the study (search.py).

Within the family, because cheap rungs favour models that learn from few rows: across families they would prune the
boosted trees that win on all rows.
"""

from typing import TYPE_CHECKING

from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

if TYPE_CHECKING:
    import optuna

REDUCTION = 3


class FamilyHalving(BasePruner):
    """Keeps a trial whose value at a rung is among the best third of its family's values there."""

    def prune(self, study: "optuna.Study", trial: FrozenTrial) -> bool:
        """Whether the trial stops here; the first of a family never does."""
        rung = trial.last_step
        if rung is None:
            return False
        value = trial.intermediate_values[rung]
        rivals = [
            other.intermediate_values[rung]
            for other in study.get_trials(deepcopy=False)
            if other.state in (TrialState.COMPLETE, TrialState.PRUNED)  # not what died with its process, perhaps this
            and other.params.get("family") == trial.params["family"]
            and rung in other.intermediate_values
        ]
        better = sum(rival > value for rival in rivals)
        return better >= -(-(len(rivals) + 1) // REDUCTION)
