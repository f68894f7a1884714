"""A tiny line that really runs: its settings file, its tickets, and running what is due in this process.

Here: what several test folders need of such a line. Not here: any test; the fixtures (conftest.py).
"""

import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from ticket_assets.automation.champion import observe_champion
from ticket_assets.automation.feedback import observe_corrections
from ticket_assets.automation.runs import LINE, MONITORING
from ticket_assets.automation.source import observe_mended, observe_source
from ticket_assets.automation.staleness import due_assets, next_run
from ticket_assets.commands.instance import prepare_home
from ticket_assets.definitions import build_defs
from ticket_assets.resources.desk import Desk
from ticket_assets.settings import Settings, load_settings
from ticket_assets.storage import ProfileFolders
from ticket_assets.tables import write_parquet
from ticket_assets.tickets.sample import generate
from ticket_assets.tickets.sample_spec import SampleSpec

PROFILE = "tiny"
ROWS = 400
# Few tickets move class shares and chain families more than many; one thread repeats exactly and never waits. A busy
# machine must not decide who is champion.
SETTINGS = """
profile = "tiny"
storage_root = "storage"
threads = 1
[profiles.tiny]
licence = "generated"
source = { kind = "files", path = "tickets.parquet" }
targets.queue.column = "queue"
targets.priority.column = "priority"
families = { cut = 0.5, largest_share = 0.2 }
features.context = ["channel", "product"]
split.max_class_shift = 0.3
promotion.max_latency_ms = 60000
search = { trials = 4, families = ["linear_svm", "lightgbm"] }
bands.promise = { act = 0.8, suggest = 0.5 }
bands.targets.priority.cost = { wrong_act = 10, wrong_suggest = 2, by_hand = 1 }
[profiles.tiny.columns]
id = "ticket_id"
subject = "subject"
body = "body"
created_at = "created_at"
[profiles.tiny.columns.known_at]
channel = "arrival"
product = "arrival"
language = "arrival"
answer = "resolution"
resolved_at = "resolution"
satisfaction = "resolution"
"""


@dataclass(frozen=True)
class Line:
    """A settings file and what lies beside it."""

    folder: Path

    @classmethod
    def begin(cls, folder: Path, encoders: Path | None = None, settings: str = SETTINGS) -> "Line":
        """Write settings and tickets; a link to exported encoders saves the export."""
        (folder / "ticket_assets.toml").write_text(settings)
        line = cls(folder)
        write_parquet(line.source, generate(SampleSpec(rows=ROWS, seed=7)))
        if encoders:
            line.folders.root.mkdir(parents=True)
            line.folders.encoders.symlink_to(encoders)
        return line

    @property
    def source(self) -> Path:
        return self.folder / "tickets.parquet"

    @property
    def folders(self) -> ProfileFolders:
        return ProfileFolders(self.folder / "storage" / PROFILE)

    @property
    def variables(self) -> dict[str, str]:
        """Environment of a process in which this line is the active profile."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("TICKET_ASSETS_", "DAGSTER_"))}
        return {**kept, "TICKET_ASSETS_CONFIG": str(self.folder / "ticket_assets.toml")}

    @contextmanager
    def environment(self) -> Iterator[None]:
        """Make this line the active profile of this process."""
        with pytest.MonkeyPatch.context() as patch:
            for name in [one for one in os.environ if one.startswith(("TICKET_ASSETS_", "DAGSTER_"))]:
                patch.delenv(name)
            patch.setenv("TICKET_ASSETS_CONFIG", self.variables["TICKET_ASSETS_CONFIG"])
            # Set by prepare_home and by the command line; the patch takes them back.
            patch.setenv("DAGSTER_HOME", "")
            patch.setenv("TICKET_ASSETS_PROFILE", PROFILE)
            yield

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        with dg.DagsterInstance.from_config(str(prepare_home(self.settings()))) as instance:
            yield instance

    def settings(self) -> Settings:
        return load_settings()

    def table(self, group: str, name: str) -> pd.DataFrame:
        return pd.read_parquet(self.folders.parquet / group / f"{name}.parquet")

    def bring_up_to_date(self) -> set[str]:
        """What `python -m ticket_assets run` does, in one process; return what was materialised."""
        defs, made = build_defs(self.settings()), set()
        with self.instance() as instance:
            observe_source(self.settings(), instance)
            observe_mended(self.settings(), instance)
            observe_corrections(self.folders, instance)
            observe_champion(Desk(profile=PROFILE), instance, datetime.now(UTC))
            for _ in range(len(defs.resolve_asset_graph().executable_asset_keys)):
                selection = next_run(defs, due_assets(defs, instance).values())
                if not selection:
                    return made
                self.execute(instance, selection, raise_on_error=True)
                made |= {key.to_user_string() for key in selection}
        raise AssertionError(f"the line is never up to date; the last runs made {selection}")

    def execute(
        self,
        instance: dg.DagsterInstance,
        selection: list[dg.AssetKey],
        resources: Mapping[str, object] | None = None,
        raise_on_error: bool = False,
    ) -> dg.ExecuteInProcessResult:
        """One run of some assets and their checks."""
        job = build_defs(self.settings(), resources).resolve_job_def(LINE)
        with warnings.catch_warnings():
            # Libraries warn each other in a run; pytest would make that an error. Our own warnings stay errors.
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", module=r"ticket_assets\.")
            warnings.filterwarnings("ignore", category=dg.BetaWarning)
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            try:
                return job.execute_in_process(
                    instance=instance, asset_selection=selection, raise_on_error=raise_on_error
                )
            finally:
                _forget_mlflow()

    def data_versions(self) -> dict[str, str]:
        """Asset to data version of its latest materialisation."""
        graph = build_defs(self.settings()).resolve_asset_graph()
        found = {}
        with self.instance() as instance:
            for key in graph.executable_asset_keys:
                if key.path[0] == MONITORING:
                    continue
                event = instance.get_latest_materialization_event(key)
                assert event and event.asset_materialization and event.asset_materialization.tags
                found[key.to_user_string()] = event.asset_materialization.tags["dagster/data_version"]
        return found


def _forget_mlflow() -> None:
    """dagster-mlflow leaves its run active for its process, which here outlives the Dagster run."""
    if "mlflow" in sys.modules:
        import mlflow
        from mlflow.tracking.fluent import _active_run_stack

        _active_run_stack.set([])
        mlflow.set_tracking_uri(None)
