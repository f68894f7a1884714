"""Hugging Face datasets by the real loader: a local dataset folder, and what is said where the hub is out of reach."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ticket_assets.profile import ColumnSettings
from ticket_assets.source_settings import SourceSettings
from ticket_assets.tickets.snapshot import ingest, read_snapshot
from ticket_assets.tickets.sources.contract import Source, SourceError
from ticket_assets.tickets.sources.opening import open_source
from ticket_assets_tests.tickets.test_sources import land, rows_of, write

pytest.importorskip("datasets")

CARD = """---
dataset_info:
  features:
  - name: body
    dtype: string
  - name: queue
    dtype:
      class_label:
        names:
          '0': billing
          '1': network
---
"""


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "desk-tickets"
    tickets = [{"body": "läuft nicht", "queue": 1}, {"body": "bill", "queue": 0}, {"body": "what", "queue": None}]
    write(folder / "train.jsonl", "".join(json.dumps(one) + "\n" for one in tickets))
    write(folder / "test.jsonl", '{"body": "held out", "queue": 1}\n')
    write(folder / "README.md", CARD)
    return folder


def source(dataset: Path | str, **settings: Any) -> Source:
    return open_source(SourceSettings(kind="huggingface", dataset=str(dataset), **settings), Path)


def test_a_split_of_a_dataset_folder_is_read_with_its_labels_by_name(dataset: Path, tmp_path: Path) -> None:
    assert rows_of(land(source(dataset), tmp_path / "landing")) == [
        {"body": "läuft nicht", "queue": "network"},
        {"body": "bill", "queue": "billing"},
        {"body": "what"},
    ]
    found = rows_of(land(source(dataset, split="test"), tmp_path / "landing-2"))
    assert [row["body"] for row in found] == ["held out"]
    both = land(source(dataset, split="train+test"), tmp_path / "landing-3")
    assert (len(rows_of(both)), both.told) == (4, {"rows loaded": "4"})


def test_it_is_ingested_like_any_other_source_and_new_rows_alone_are_new(dataset: Path, tmp_path: Path) -> None:
    columns = ColumnSettings(body="body")
    assert ingest(source(dataset), tmp_path / "raw", columns).new_rows == 3
    with (dataset / "train.jsonl").open("a") as file:
        file.write('{"body": "more", "queue": 0}\n')
    assert ingest(source(dataset), tmp_path / "raw", columns).new_rows == 1
    assert read_snapshot(tmp_path / "raw")["queue"].tolist() == ["network", "billing", None, "billing"]


def test_the_fingerprint_of_a_folder_is_that_of_its_files(dataset: Path) -> None:
    first = source(dataset).fingerprint()
    assert source(dataset).fingerprint() == first
    write(dataset / "test.jsonl", '{"body": "other", "queue": 1}\n')
    assert source(dataset).fingerprint() != first


def test_a_split_that_is_not_there_is_named_with_those_that_are(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"Unknown split \"later\".*\['train', 'test'\].*Look at source\.dataset"):
        land(source(dataset, split="later"), tmp_path / "landing")


def run_offline(code: str, **variables: str) -> str:
    """What a process says that has no way to the hub; the library reads its environment at import."""
    head = (
        "from pathlib import Path\n"
        "from ticket_assets.source_settings import SourceSettings\n"
        "from ticket_assets.tickets.sources.landing import Landing\n"
        "from ticket_assets.tickets.sources.opening import open_source\n"
        "source = open_source(SourceSettings(kind='huggingface', dataset='desk/tickets', revision='v1'), Path)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", head + code],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("call", ["source.fingerprint()", "source.read(Landing(Path('.')), None)"])
def test_without_a_way_to_the_hub_the_error_names_the_dataset_and_the_fix(call: str, tmp_path: Path) -> None:
    said = run_offline(call, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    assert "SourceError: cannot load desk/tickets (train, v1):" in said
    assert said.endswith("without a way to the hub give source.dataset a folder that holds the files")


def test_a_hub_that_does_not_answer_is_named_too(tmp_path: Path) -> None:
    away = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path)}
    said = run_offline("source.fingerprint()", **away)
    assert "SourceError: cannot load desk/tickets (train, v1): ConnectError" in said


@pytest.mark.parametrize("module", ["datasets", "huggingface_hub"])
def test_without_the_library_the_error_names_the_extra(module: str) -> None:
    call = "source.fingerprint()" if module == "huggingface_hub" else "source.read(Landing(Path('.')), None)"
    said = run_offline(f"import sys; sys.modules[{module!r}] = None\n{call}")
    assert "needs a library that is not there" in said
    assert said.endswith("install ticket-assets[huggingface]")


def test_the_library_is_loaded_for_this_kind_alone() -> None:
    said = run_offline("import sys; raise SystemExit('loaded' if {'datasets', 'torch'} & set(sys.modules) else 'not')")
    assert said == "not"
