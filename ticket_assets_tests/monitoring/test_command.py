"""`make monitor`: what it prints, and that a second time there is nothing to do."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from ticket_assets.__main__ import main
from ticket_assets.monitoring.history import read_history
from ticket_assets.serving.store import Challenger, write_challenger
from ticket_assets_tests.monitoring.watched import PROFILE, Watched, spoken


def monitor(watched: Watched) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("TICKET_ASSETS_", "DAGSTER_"))}
    return subprocess.run(
        [sys.executable, "-m", "ticket_assets", "monitor", "--profile", PROFILE],
        env={**kept, "TICKET_ASSETS_CONFIG": str(watched.folder / "ticket_assets.toml")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_it_judges_what_is_complete_says_it_in_sentences_and_then_has_nothing_to_do(watched: Watched) -> None:
    watched.tables()
    yesterday = datetime.now(UTC).replace(hour=10, minute=0, second=0, microsecond=0) - timedelta(days=1)
    champion, said = watched.crown(since=yesterday - timedelta(hours=1)), spoken(320, 21)
    ids = watched.answer(champion, said, at=yesterday)
    watched.correct(ids[:150], said.truth[:150], at=yesterday + timedelta(hours=1))
    first = monitor(watched)
    assert first.returncode == 0, first.stdout + first.stderr
    assert "1 new windows, 1 in all" in first.stdout
    assert "window 1 of champion v1: 300 predictions" in first.stdout
    assert "data drift pass" in first.stdout and "tone: macro F1 0." in first.stdout
    second = monitor(watched)
    assert second.returncode == 0
    assert "nothing to do: log and labels say what they said before" in second.stdout
    assert len(read_history(watched.folders.monitoring)) == 1


def test_without_a_champion_or_a_log_it_says_so(watched: Watched, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["monitor"]) == 0
    assert "nothing to do: nobody is champion yet" in capsys.readouterr().out
    watched.tables()
    watched.crown()
    assert main(["monitor"]) == 0
    told = capsys.readouterr().out
    assert "nothing to do: there is no prediction log yet" in told
    assert "a window is complete with 300 live predictions, or after 7 days" in told


def test_a_log_that_is_out_of_reach_is_told_in_a_line(
    watched: Watched, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.tables()
    watched.crown()
    monkeypatch.setenv("TICKET_ASSETS_SERVICE__LOG__URL", "postgresql://monitor:sesame@127.0.0.1:9/none")
    assert main(["monitor"]) == 2
    told = capsys.readouterr().err
    assert "the prediction log cannot be reached" in told and "sesame" not in told


@pytest.mark.parametrize("command", ["monitor", "challenger"])
def test_a_log_of_a_newer_version_is_told_in_a_line(
    watched: Watched, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    watched.tables()
    champion = watched.crown()
    watched.answer(champion, spoken(10, 1))
    since = watched.seated.isoformat()
    write_challenger(watched.folders.bundles, Challenger(2, champion.bundle, champion.bundle, since))
    watched.log_becomes_newer()
    assert main([command]) == 2
    told = capsys.readouterr().err
    assert "at schema 9999, this code knows up to" in told and told.count("\n") == 1
