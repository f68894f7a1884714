"""Files in a bucket, of a real S3 server in this process: the same rows, the same faults, ETags as fingerprint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.fs
import pytest
from moto.server import ThreadedMotoServer

from ticket_assets.profile import ColumnSettings
from ticket_assets.tickets.snapshot import ingest, read_snapshot
from ticket_assets.tickets.sources.contract import SourceError
from ticket_assets_tests.tickets.test_sources import faults, land, rows_of, source_of, write

KEYS = {"access_key_id": "desk", "secret_access_key": "not-to-be-seen"}


class Bucket:
    """A bucket and a client to fill it."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._client = pyarrow.fs.S3FileSystem(
            access_key="desk",
            secret_key="x",
            endpoint_override=endpoint,
            region="us-east-1",
            allow_bucket_creation=True,
        )
        self._client.create_dir("tickets")

    def put(self, key: str, data: bytes) -> None:
        with self._client.open_output_stream(f"tickets/{key}") as stream:
            stream.write(data)

    def clear(self) -> None:
        self._client.delete_dir_contents("tickets")


@pytest.fixture(scope="module")
def server() -> Iterator[Bucket]:
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        # Else a client without keys asks the network for those of a machine in a cloud.
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield Bucket(f"http://{host}:{port}")
    running.stop()


@pytest.fixture
def bucket(server: Bucket) -> Iterator[Bucket]:
    yield server
    server.clear()


def read(bucket: Bucket, path: str, folder: Path, **settings: Any) -> list[dict[str, Any]]:
    source = source_of(f"s3://tickets/{path}", endpoint_url=bucket.endpoint, **{**KEYS, **settings})
    return rows_of(land(source, folder / "landing"))


def test_a_prefix_of_parquet_parts_is_read_and_what_tools_left_there_is_not(bucket: Bucket, tmp_path: Path) -> None:
    for number in (2, 1):
        part = tmp_path / f"part-{number}.parquet"
        pd.DataFrame({"id": [number], "body": [f"text {number}"]}).to_parquet(part)
        bucket.put(f"2024/day={number}/part.parquet", part.read_bytes())
    bucket.put("2024/_SUCCESS", b"")
    bucket.put("2024/_temporary/part.parquet", b"nonsense")
    bucket.put("2025/part.parquet", b"nonsense")
    found = read(bucket, "2024", tmp_path)
    assert [(row["id"], row["body"]) for row in found] == [(1, "text 1"), (2, "text 2")]
    assert read(bucket, "2024/", tmp_path) == found


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl", "a.jsonl.gz", "a.json"])
def test_every_kind_of_file_is_read_from_a_key(bucket: Bucket, tmp_path: Path, name: str) -> None:
    said = {
        "csv": "id,body\n1,läuft\n",
        "jsonl": '{"id":"1","body":"läuft"}\n',
        "json": '[{"id":"1","body":"läuft"}]',
    }
    bucket.put(name, write(tmp_path / name, said[name.split(".")[1]]).read_bytes())
    assert read(bucket, name, tmp_path) == [{"id": "1", "body": "läuft"}]
    assert not list((tmp_path / "landing" / "fetched").rglob("*.*"))


def test_a_glob_over_keys_is_one_as_on_disk(bucket: Bucket, tmp_path: Path) -> None:
    for key in ("a/x.csv", "a/b/y.csv", "a/b/z.jsonl", "c/x.csv"):
        bucket.put(key, b"id,body\n" + key.encode() + b",t\n")
    for pattern, keys in (
        ("a/*.csv", ["a/x.csv"]),
        ("*/x.csv", ["a/x.csv", "c/x.csv"]),
        ("**/*.csv", ["a/b/y.csv", "a/x.csv", "c/x.csv"]),
        ("a/[b]/y.csv", ["a/b/y.csv"]),
    ):
        assert [row["id"] for row in read(bucket, pattern, tmp_path)] == keys, pattern


def test_the_fingerprint_follows_the_content(bucket: Bucket) -> None:
    source = source_of("s3://tickets/", endpoint_url=bucket.endpoint, **KEYS)
    bucket.put("a.csv", b"id,body\n1,a\n")
    first = source.fingerprint()
    bucket.put("a.csv", b"id,body\n1,b\n")
    second = source.fingerprint()
    bucket.put("a.csv", b"id,body\n1,a\n")
    bucket.put("b.csv", b"id,body\n2,b\n")
    third = source.fingerprint()
    assert len({first, second, third}) == 3
    assert source.fingerprint() == third


def test_new_objects_alone_are_new_rows(bucket: Bucket, tmp_path: Path) -> None:
    source, columns = source_of("s3://tickets/", endpoint_url=bucket.endpoint, **KEYS), ColumnSettings(body="body")
    bucket.put("1.csv", b"id,body\n1,a\n2,b,c\n3,d\n")
    assert (ingest(source, tmp_path / "raw", columns).new_rows, read_snapshot(tmp_path / "raw")["_file"][1]) == (
        3,
        "1.csv",
    )
    bucket.put("2.csv", b"id;body\n4;e\n")
    assert ingest(source, tmp_path / "raw", columns).new_rows == 1


def test_a_broken_row_is_told_with_the_name_of_its_object(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("deep/a.csv", b"id,body\n1,a\n2,b,c\n")
    source = source_of("s3://tickets/deep", endpoint_url=bucket.endpoint, **KEYS)
    found = rows_of(land(source, tmp_path / "landing"))
    assert [(row["_file"], row["_line"]) for row in found if "_line" in row] == [("a.csv", 3)]
    assert faults(write(tmp_path / "a.csv", "id,body\n1,a\n2,b,c\n"))[0][1] == 3


def test_endpoint_and_keys_come_from_the_environment_where_the_settings_say_nothing(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("a.csv", b"id,body\n1,a\n")
    for name, value in (("ENDPOINT_URL", bucket.endpoint), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b")):
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert len(rows_of(land(source_of("s3://tickets/a.csv"), tmp_path / "landing"))) == 1
    assert len(rows_of(land(source_of("s3://tickets/a.csv", anonymous=True), tmp_path / "landing"))) == 1


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("s3://absent/a.csv", r"no ticket file at s3://absent/a\.csv|cannot read s3://absent/a\.csv"),
        ("s3://tickets/none", r"no ticket file at s3://tickets/none: set source\.path"),
    ],
)
def test_what_is_not_there_is_named(bucket: Bucket, path: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        source_of(path, endpoint_url=bucket.endpoint, **KEYS).fingerprint()


def test_a_store_out_of_reach_is_named_with_the_settings_to_look_at_and_no_secret() -> None:
    with pytest.raises(SourceError, match=r"cannot read s3://tickets/a\.csv: .*source\.endpoint_url") as caught:
        source_of("s3://tickets/a.csv", endpoint_url="http://127.0.0.1:9", **KEYS).fingerprint()
    assert "not-to-be-seen" not in str(caught.value)
