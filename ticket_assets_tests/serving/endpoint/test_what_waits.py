"""What waits for the database is told: also what others left, and over every transport."""

from pathlib import Path
from typing import Any

from ticket_assets.serving.contract.triage_v1_pb2 import ServiceInfo
from ticket_assets.serving.endpoint.wire import told as as_message
from ticket_assets.serving.prediction_log.outcome import Logged
from ticket_assets.serving.prediction_log.records import Answer
from ticket_assets_tests.serving.endpoint.test_pages import told


def test_what_earlier_workers_left_in_the_spool_is_told_though_this_one_logged_nothing(
    open_parts: Any, run: Any, tmp_path: Path
) -> None:
    down = {"url": "postgresql://nobody@127.0.0.1:1/nothing", "retry_seconds": 0.1}
    earlier = open_parts(**down).log
    assert isinstance(earlier.append(Answer("http", "b", "1", {}, body="the printer")), Logged)
    assert not earlier.close()
    left = sum(path.stat().st_size for path in (tmp_path / "log" / "spool").glob("*.journal"))
    parts = open_parts(**down)
    _, health = run(told(parts, "/healthz"))
    assert (health["log"]["backlog"], health["log"]["backlog_bytes"]) == (0, left)
    info = parts.office.info()
    assert left and f"{left} bytes" in info.faults[0]
    assert info.log.backlog_bytes == left
    assert as_message(info, ServiceInfo).log.backlog_bytes == left, "over gRPC as well"
