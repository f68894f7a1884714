"""The loop by itself: drift is noticed, a model retrained, promoted, rolled out, and the loop is quiet again.

python -m benchmarks.loop                                          # generated tickets: make loop
python -m benchmarks.loop --tickets it_service --data path/to/folder

Two desks stand side by side, each with `dagster dev` and a service of its own, and one MLflow server. Both begin with
the same history and the same champion and get the same traffic; at one of them new tickets appear. Nobody touches
anything but the clients: they send tickets, and later what people say of the answers. At the end both, and a third
desk that had the corrected tickets from the start, are scored on tickets that nobody sent.

Belongs here: the order of things, what is printed.
Does not belong here: the tickets (loop_scene.py), the desks (loop_desk.py), the clients (loop_traffic.py), what
happened (loop_events.py), what must come of it (loop_outcome.py), the picture (loop_figures.py).
"""

import argparse
import json
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep, time

from benchmarks import loop_events as events
from benchmarks.loop_desk import Desk, DeskSettings, mlflow_server, write_desks
from benchmarks.loop_figures import draw, moments_of
from benchmarks.loop_outcome import CONTROL, LOOP, ORACLE, Outcome, outcome_of, seen_corrections
from benchmarks.loop_scene import GENERATED, NOVELTIES, Scene, cut, known_from_the_start, read_tickets
from benchmarks.loop_traffic import Heard, Phase, Traffic
from ticket_assets.automation.retraining import SECONDS as LOOK_SECONDS

DESK = DeskSettings(window=200)
LICENCES = {GENERATED: "generated", "it_service": "CC0, as stated by its publisher", "helpdesk": "CC BY-NC 4.0"}
MOST_SECONDS = {Phase.USUAL: 900, Phase.CHANGED: 1200, Phase.CORRECTED: 2400, Phase.QUIET: 2400}
NAMES = {"first": "the first champion", LOOP: "the loop's champion", ORACLE: "one that knew the new from the start"}


@dataclass(frozen=True)
class Plan:
    """How large a loop is.

    Attributes:
        history: tickets that the desk begins with.
        test: tickets for the scores at the end.
        rate: tickets a second and desk.
        before: windows as trained that are waited for.
        after: windows that are waited for after the swap.
        seed: of the scene.
        desk: of all desks.
        within: macro F1 that the last champion may be below one that knew the new tickets from the start.
        control: whether a second desk gets the same traffic without anything new.
    """

    history: int = 3000
    test: int = 1200
    rate: float = 6
    before: int = 5
    after: int = 20
    seed: int = 11
    desk: DeskSettings = DESK
    within: float = 0.02
    control: bool = True


# Of these only 6,500 are left for the traffic.
PLANS = {"helpdesk": Plan(history=2500, rate=4, desk=replace(DESK, window=120))}


class LoopError(RuntimeError):
    """The loop stood still; the message says where, with all that happened."""


class Loop:
    """Two desks under way."""

    def __init__(self, plan: Plan, scene: Scene, folder: Path, say: Callable[[str], None]) -> None:
        self.plan, self.scene, self.folder, self.say = plan, scene, folder, say
        self.phase = Phase.USUAL
        self.began: dict[Phase, float] = {}
        self.over = 0.0
        self.desks: dict[str, Desk] = {}
        self.heard: dict[str, Heard] = {}

    def run(self) -> Outcome:
        """All of it.

        Raises:
            LoopError: a phase did not come to its end in time.
        """
        licence = LICENCES[self.scene.name]
        with mlflow_server(self.folder / "mlflow") as mlflow:
            sources = dict.fromkeys((LOOP, CONTROL) if self.plan.control else (LOOP,), self.scene.history)
            self.desks = write_desks(self.folder, sources, self.plan.desk, licence, mlflow)
            for desk in self.desks.values():
                self._make(desk, f"{len(self.scene.history):,} tickets")
            self._traffic()
            known = seen_corrections(self.desks[LOOP], self.heard[LOOP])
            sources = {ORACLE: known_from_the_start(self.scene, self.heard[LOOP].told[:known], self.plan.seed)}
            [oracle] = write_desks(self.folder / ORACLE, sources, self.plan.desk, licence, mlflow).values()
            self._make(oracle, f"the {known:,} corrected tickets from the start")
        return outcome_of(self.desks, oracle, self.heard, self.began, self.over, self.scene.test, self.plan.within)

    def _make(self, desk: Desk, what: str) -> None:
        self.say(f"{desk.name}: make run, with {what}")
        desk.run_line(desk.variables(self.scene.novelty.queue))

    def _traffic(self) -> None:
        with ExitStack() as stack:
            for desk in self.desks.values():
                variables = desk.variables(self.scene.novelty.queue)
                stack.enter_context(desk.service(variables))
                stack.enter_context(desk.daemon(variables))
            for name, desk in self.desks.items():
                one = Traffic(desk.port, self.scene, name == LOOP, self.plan.rate, lambda: self.phase)
                self.heard[name] = one.heard
                one.start()
                stack.callback(one.stop)
            loop, answers = self.desks[LOOP], self.heard[LOOP].answers
            self._until(Phase.USUAL, lambda: len(events.windows(loop, 1)) >= self.plan.before)
            self._until(Phase.CHANGED, lambda: bool(events.alarmed(loop, 1)))
            self._until(Phase.CORRECTED, lambda: any(one.version > 1 for one in answers[-20:]))
            self._until(Phase.QUIET, lambda: len(events.windows(loop, 2)) >= self.plan.after)
            sleep(2 * LOOK_SECONDS)  # what the last window would lead to is asked for by then
            self.over = time()

    def _until(self, phase: Phase, reached: Callable[[], bool]) -> None:
        self.phase, self.began[phase] = phase, time()
        self.say(events.PHASES[phase])
        until, told = monotonic() + MOST_SECONDS[phase], monotonic()
        while not reached():
            if monotonic() > until:
                raise LoopError(f"{events.PHASES[phase]}: not over after {MOST_SECONDS[phase]} s\n{self.tell()}")
            if refused := events.refusals(self.desks[LOOP]):
                raise LoopError(f"{events.PHASES[phase]}: a challenger was {refused[0]}\n{self.tell()}")
            if any(one.ended for one in self.heard.values()):
                raise LoopError(f"{events.PHASES[phase]}: the tickets are used up\n{self.tell()}")
            if monotonic() - told > 60:
                told = monotonic()
                self.say(f"  {self._state()}")
            sleep(2)

    def _state(self) -> str:
        heard = self.heard[LOOP]
        judged = ", ".join(f"{len(events.windows(desk))} of {name}" for name, desk in self.desks.items())
        failures = sum(len(one.failures) for one in self.heard.values())
        sent = f"{len(heard.answers):,} tickets, {len(heard.told):,} corrections"
        return f"{sent}, {failures} failed requests, windows judged: {judged}"

    def tell(self) -> str:
        """The timelines."""
        told = []
        for name, desk in self.desks.items():
            told.append(f"{name}: {events.count_runs(desk)}")
            for moment in events.timeline(desk, self.heard[name], self.began if name == LOOP else {}):
                told.append(f"  {moment.at - self.began[Phase.USUAL]:6.0f} s  {moment.words}")
        return "\n".join(told)

    def picture(self, outcome: Outcome) -> bytes:
        """PNG."""
        title = f"{self.scene.name}: half of the tickets become new ({self.scene.novelty})"
        marks = moments_of(self.began, **outcome.moments)
        right = outcome.scores[ORACLE].right
        return draw(title, self.desks, self.heard, marks, right, self.plan.desk.window)


def report(loop: Loop, outcome: Outcome) -> int:
    """Timeline, scores and picture; 1 where something is not as it must be."""
    told = {**asdict(outcome), "faults": outcome.faults, "tickets": loop.scene.name}
    (loop.folder / "outcome.json").write_text(json.dumps(told, indent=2))
    (loop.folder / "timeline.txt").write_text(loop.tell())
    (loop.folder / "loop.png").write_bytes(loop.picture(outcome))
    print(f"\n{loop.tell()}\n")
    for name, words in NAMES.items():
        one = outcome.scores[name]
        print(f"{one.tickets:,} tickets nobody sent, {words}: macro F1 {one.macro_f1:.3f}, {one.right:.1%} right")
    print(f"{outcome.requests:,} requests, {len(outcome.failures)} failed; picture: {loop.folder / 'loop.png'}")
    for fault in outcome.faults:
        print(f"NOT as it must be: {fault}", file=sys.stderr)
    return 1 if outcome.faults else 0


def main(arguments: list[str] | None = None) -> int:
    """Run it; 0: the loop closed, 1: something is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.loop", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--tickets", default=GENERATED, choices=sorted(NOVELTIES))
    parser.add_argument("--data", type=Path, help="folder of the public files")
    parser.add_argument("--state", type=Path, default=Path("storage/loop"), help="default: storage/loop")
    parser.add_argument("--window", type=int, help="predictions of a window; default: what the tickets allow")
    parser.add_argument("--rate", type=float, help="tickets a second and desk; likewise")
    parser.add_argument("--history", type=int, help="tickets at the beginning; likewise")
    chosen = parser.parse_args(arguments)
    plan = PLANS.get(chosen.tickets, Plan())
    plan = replace(plan, rate=chosen.rate or plan.rate, history=chosen.history or plan.history)
    plan = replace(plan, desk=replace(plan.desk, window=chosen.window or plan.desk.window))
    state, begun = chosen.state.absolute(), monotonic()
    scene = cut(chosen.tickets, read_tickets(chosen.tickets, chosen.data, state), plan.history, plan.test, plan.seed)

    def say(line: str) -> None:
        print(f"{(monotonic() - begun) / 60:5.1f} min  {line}", flush=True)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # else it would leave all its servers behind
    loop = Loop(plan, scene, state / f"{chosen.tickets}-{datetime.now(UTC):%Y%m%d-%H%M%S}", say)
    say(f"{chosen.tickets}: new will be {scene.novelty}; everything lies in {loop.folder}")
    try:
        outcome = loop.run()
    except LoopError as error:
        print(error, file=sys.stderr)
        return 1
    return report(loop, outcome)


if __name__ == "__main__":
    sys.exit(main())
