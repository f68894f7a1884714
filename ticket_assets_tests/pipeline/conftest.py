"""The story of one line that is changed: begun by the command line, then continued in this process."""

import subprocess
import sys
from dataclasses import dataclass, field

import pandas as pd
import pytest

from ticket_assets.tables import write_parquet
from ticket_assets_tests.line import SETTINGS, Line


@dataclass(frozen=True)
class Chapter:
    """What one bringing up to date did: assets made, data versions after it, what was printed."""

    made: set[str]
    versions: dict[str, str]
    said: str = ""


@dataclass
class Story:
    line: Line
    chapters: dict[str, Chapter] = field(default_factory=dict)
    edited: str = ""


def command_line(line: Line, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m ticket_assets …` as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ticket_assets", *arguments],
        env=line.variables,
        cwd=line.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    told = Story(
        Line.begin(tmp_path_factory.mktemp("story"), settings=SETTINGS.replace("tickets.parquet", "absent.csv"))
    )
    line = told.line
    with line.environment():
        # Given once, the source is that of all that follows: another run of the command, and this process, which has
        # no more of it than the UI.
        for name, source in (("first run", ["--source", line.source.name]), ("second run", [])):
            done = command_line(line, "run", *source)
            assert done.returncode == 0, done.stdout
            due = [one for one in done.stdout.splitlines() if one.startswith("due: ")]
            told.chapters[name] = Chapter({one.split()[1] for one in due}, line.data_versions(), done.stdout)
        told.edited = _lonely_training_ticket(line)
        _edit(line, told.edited, "answer", "We called back and it is solved.")
        told.chapters["answer edited"] = Chapter(line.bring_up_to_date(), line.data_versions())
        _edit(line, told.edited, "body", "The badge reader at the side door blinks red and nobody can get in.")
        told.chapters["text edited"] = Chapter(line.bring_up_to_date(), line.data_versions())
    return told


def _lonely_training_ticket(line: Line) -> str:
    split = line.table("models", "split")
    alone = split.groupby("family_id")["ticket_id"].transform("size") == 1
    return str(split.loc[alone & (split["side"] == "train"), "ticket_id"].iloc[0])


def _edit(line: Line, ticket: str, column: str, value: str) -> None:
    tickets = pd.read_parquet(line.source)
    tickets.loc[tickets["ticket_id"] == ticket, column] = value
    write_parquet(line.source, tickets)
