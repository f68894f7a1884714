"""Evidently's report of a window: what it may see, both files, which pages stay."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ticket_assets.monitoring.evidently_report import RARE, forget_pages, report_frames, write_report
from ticket_assets.monitoring.judged import FIGURES, FOLDER, REPORT
from ticket_assets.monitoring.sample import Reference, Sample, TargetSample


def sample(n: int, seed: int, secret: str = "", answered: bool = True) -> Sample:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet((3, 1), n).astype(np.float32)
    product = ["vpn" if one else "mail" for one in rng.random(n) < 0.5]
    product[0] = secret or "vpn"
    return Sample(
        ids=tuple(f"{seed}-{row}" for row in range(n)),
        texts=tuple("please help " * int(one) + secret for one in rng.integers(1, 9, n)),
        languages=tuple("en" if one else "de" for one in rng.random(n) < 0.7),
        columns=np.zeros((n, 2), dtype=np.float32),
        column_names=("a", "b"),
        context={"product": tuple(product), "ticket": tuple(f"T-{row}" for row in range(n)), "gone": (None,) * n},
        targets={"queue": TargetSample(("x", "y"), shares, (None,) * n)} if answered else {},
    )


REFERENCE = Reference("b", sample(400, 1, answered=False), sample(150, 2))


def test_no_text_goes_in_and_no_value_that_is_somebody_s_own() -> None:
    before, now = report_frames(REFERENCE, sample(200, 3, secret="zaphod beeblebrox"))
    assert list(now) == list(before)
    assert list(now) == [
        *("characters", "words", "language", "context product", "queue: predicted", "queue: confidence")
    ]
    assert now["context product"][0] == RARE and "zaphod" not in now.to_csv()
    assert before["characters"].notna().sum() == 400 and before["queue: confidence"].notna().sum() == 150


def test_figures_name_every_column_and_the_page_stands_alone(tmp_path: Path) -> None:
    write_report(tmp_path, REFERENCE, sample(200, 3))
    told = json.loads((tmp_path / FIGURES).read_text())
    names = " ".join(str(one.get("metric_name", one)) for one in told["metrics"])
    assert all(column in names for column in ("characters", "language", "queue: predicted", "queue: confidence"))
    page = (tmp_path / REPORT).read_text()
    assert "queue: confidence" in page and len(page) > 100_000


def test_a_constant_column_and_a_window_without_answers_are_reported(tmp_path: Path) -> None:
    window = replace(sample(120, 4), targets={}, languages=("en",) * 120)
    write_report(tmp_path, REFERENCE, window)
    assert (tmp_path / REPORT).exists()


@pytest.mark.parametrize("held_out", [0, 1])
def test_a_reference_without_answers_is_reported_by_what_was_asked(tmp_path: Path, held_out: int) -> None:
    few = replace(REFERENCE, answers=REFERENCE.answers.take(np.arange(held_out)))
    assert ("queue: predicted" in report_frames(few, sample(120, 4))[1]) is bool(held_out)
    write_report(tmp_path, few, sample(120, 4))
    assert (tmp_path / REPORT).exists()


def test_only_the_latest_pages_stay_and_all_figures_do(tmp_path: Path) -> None:
    for number in range(5):
        folder = tmp_path / FOLDER / f"b-{number:04d}"
        folder.mkdir(parents=True)
        for name in (REPORT, FIGURES):
            (folder / name).write_text("x")
        os.utime(folder / REPORT, (number, number))
    assert forget_pages(tmp_path, keep=2) == 3
    assert [path.parent.name for path in sorted(tmp_path.rglob(REPORT))] == ["b-0003", "b-0004"]
    assert len([*tmp_path.rglob(FIGURES)]) == 5
