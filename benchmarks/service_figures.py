"""The figures of the service's benchmark as tables and targets.

Belongs here: quantiles, ratios with their spread over the rounds, each target and whether it is met, the docs' tables.
Does not belong here: measuring (service.py).
"""

import os
from pathlib import Path
from typing import Any

import numpy as np

from ticket_assets.storage import write_text

PLAIN, REFERENCE = "plain", "onnx f32"
BATCH = 64
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
CLIENTS = (1, 8, 32)
CELLS = [
    (transport, kind, clients) for kind in ("single", "batch") for transport in ("http", "grpc") for clients in CLIENTS
]
Results = dict[str, Any]


def machine() -> str:
    """Processor, cores and what counts for bf16; no name of a host."""
    told = Path("/proc/cpuinfo").read_text()
    fields = dict(line.partition("\t")[::2] for line in told.splitlines() if "\t" in line)
    model = fields.get("model name", "\t: unknown processor").split(": ", 1)[-1]
    flags = told.split("flags", 1)[-1].split("\n", 1)[0].split()
    return f"{model}, {len(os.sched_getaffinity(0))} cores, {'AMX' if 'amx_bf16' in flags else 'no AMX'}"


def has_amx(results: Results) -> bool:
    """Whether bf16 can be as fast as promised there."""
    return "no AMX" not in results["machine"]


def cells(results: Results, variant: str, transport: str, kind: str, clients: int) -> list[dict[str, Any]]:
    """One cell of each round; empty where a variant does not speak the transport."""
    wanted = {"variant": variant, "transport": transport, "kind": kind, "clients": clients}
    return [one for each in results["rounds"] for one in each if wanted.items() <= one.items()]


def milliseconds(results: Results, *cell: Any) -> tuple[float, float] | None:
    """p50 and p99 of all rounds together."""
    took = [one for each in cells(results, *cell) for one in each["ms"]]
    return tuple(map(float, np.quantile(took, (0.5, 0.99)))) if took else None  # type: ignore[return-value]


def rates(results: Results, *cell: Any) -> list[float]:
    """Tickets per second by round."""
    times = BATCH if "batch" in cell else 1
    return [times * len(each["ms"]) / each["seconds"] for each in cells(results, *cell)]


def ratios(results: Results, variant: str, transport: str, kind: str, clients: int) -> list[float]:
    """Throughput against the plain app over HTTP in the same round, least first."""
    ours, plain = rates(results, variant, transport, kind, clients), rates(results, PLAIN, "http", kind, clients)
    return sorted(one / other for one, other in zip(ours, plain, strict=False) if other)


def spread(found: list[float]) -> str:
    """Median, least and most."""
    return f"{np.median(found):.2f} ({found[0]:.2f}-{found[-1]:.2f})" if found else "-"


def tables(results: Results) -> str:
    """All tables, Markdown."""
    variants = list(results["alone"])
    parts = [
        f"Machine: {results['machine']}. {len(results['rounds'])} rounds; models of {results['tickets']} tickets.",
        _targets_table(results),
        "Throughput against the plain app, same round, same core, median (least-most of the rounds); then tickets/s, "
        f"p50 / p99 in ms. Batches have {BATCH} tickets, and count as such.",
    ]
    head = [f"{transport} {'' if kind == 'single' else 'batch '}{clients}" for transport, kind, clients in CELLS]
    for title, cell in (("ratio", _ratio), ("tickets/s", _rate), ("p50 / p99 ms", _latency)):
        rows = [[name, *(cell(results, name, *column) for column in CELLS)] for name in variants]
        parts.append(_table([title, *head], rows))
    parts.append(_alone(results, variants))
    return "\n\n".join(parts) + "\n"


def _ratio(results: Results, *cell: Any) -> str:
    return spread(ratios(results, *cell))


def _rate(results: Results, *cell: Any) -> str:
    found = rates(results, *cell)
    return f"{np.median(found):.0f}" if found else "-"


def _latency(results: Results, *cell: Any) -> str:
    found = milliseconds(results, *cell)
    return f"{found[0]:.1f} / {found[1]:.1f}" if found else "-"


def _alone(results: Results, variants: list[str]) -> str:
    rows = []
    for name in variants:
        one, quality = results["alone"][name], results["quality"].get(name, {})
        inside = f"{one['p50_ms']:.2f} / {one['p99_ms']:.2f}" if "p50_ms" in one else "-"
        score = f"{quality['macro_f1']:.3f} [{quality['low']:.3f}, {quality['high']:.3f}]" if quality else "-"
        loss = "{:+.1f} [{:+.1f}, {:+.1f}]".format(*(100 * quality[key] for key in ("loss", "loss_low", "loss_high")))
        rows.append(
            [name, f"{one['start_s']:.1f}", f"{one['pss_mib']:.0f}", f"{one['all_pss_mib']:.0f}", inside, score]
        )
        rows[-1].append(loss)
    head = ["", "cold start s", "PSS of a worker, MiB", "with its parents", "in process p50 / p99 ms", "macro F1"]
    return _table([*head, f"loss against {REFERENCE}, points"], rows)


def targets(results: Results) -> list[tuple[str, str, bool | None]]:
    """Each target, what was measured, and whether it is met; None: it does not apply here."""
    found: list[tuple[str, str, bool | None]] = []
    least = {REFERENCE: 1.3, "openvino bf16": 3.0, "static": 5.0, "no encoder": 5.0, "cascade": 5.0}
    for variant, factor in least.items():
        if variant not in results["alone"]:
            continue
        its = {clients: ratios(results, variant, "http", "single", clients) for clients in CLIENTS}
        met: bool | None = all(one and np.median(one) >= factor for one in its.values())
        if variant == "openvino bf16" and not has_amx(results):
            met = None
        told = "; ".join(f"{clients}: {spread(one)}" for clients, one in its.items())
        found.append((f"{variant}: {factor:g} times the plain app's throughput (HTTP; clients: ratio)", told, met))
    for variant in ("static", "no encoder", "cascade"):
        if quality := results["quality"].get(variant):
            loss = 100 * quality["loss"]
            told = f"{loss:+.2f} [{100 * quality['loss_low']:+.2f}, {100 * quality['loss_high']:+.2f}]"
            found.append((f"{variant}: loses at most 0.5 points of macro F1 to {REFERENCE}", told, loss <= 0.5))
    for variant in [one for one in results["alone"] if one != PLAIN]:
        found += _of_latency(results, variant)
        alone = results["alone"][variant]
        found.append((f"{variant}: cold start under 5 s", f"{alone['start_s']:.1f} s", alone["start_s"] < 5))
        found.append((f"{variant}: under 500 MiB PSS a worker", f"{alone['pss_mib']:.0f} MiB", alone["pss_mib"] < 500))
    if inside := results["alone"].get("no encoder"):
        told = f"p50 {inside['p50_ms']:.2f} ms, p99 {inside['p99_ms']:.2f} ms"
        found.append(("no encoder: under 1 ms in process", told, inside["p50_ms"] < 1))
    return found


def _of_latency(results: Results, variant: str) -> list[tuple[str, str, bool | None]]:
    found: list[tuple[str, str, bool | None]] = []
    if one := milliseconds(results, variant, "http", "single", 1):
        told = f"p99 {one[1]:.1f} ms, p50 {one[0]:.1f} ms: {one[1] / one[0]:.1f} times"
        found.append((f"{variant}: p99 at one client within 5 times p50", told, one[1] <= 5 * one[0]))
    both = [
        (milliseconds(results, name, "http", "single", count), count) for count in CLIENTS for name in (variant, PLAIN)
    ]
    pairs = [(ours[0], plain[0], ours[1]) for ours, plain in zip(both[::2], both[1::2], strict=True)]
    if all(ours and plain for ours, plain, _ in pairs):
        told = "; ".join(f"{count}: {ours[1]:.1f} to {plain[1]:.1f} ms" for ours, plain, count in pairs)  # type: ignore[index]
        no_worse = all(ours[1] <= plain[1] for ours, plain, _ in pairs)  # type: ignore[index]
        found.append((f"{variant}: p99 no worse than the plain app's (clients: ours to its)", told, no_worse))
    return found


def _targets_table(results: Results) -> str:
    says = {True: "met", False: "**not met**", None: "no AMX here"}
    return _table(["target", "measured", ""], [[name, told, says[met]] for name, told, met in targets(results)])


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write_docs(results: Results, page: Path) -> None:
    """Put the tables between the page's two marks."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    write_text(page, f"{before}{BEGIN}\n\n{tables(results)}\n{END}{after}")
