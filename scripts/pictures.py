"""Pictures for the README and docs/: the lineage, and what assets, the sensor `retraining` and Evidently show.

Starts the Dagster webserver on a profile's instance, opens it in headless Chromium, and fails on an error banner, a
record the UI could not read, or a plot with nothing on it. Run it after `make demo`: make pictures. With `--watched`
it takes those of monitoring, of a profile whose windows were judged and whose champion was retrained; with `--shadow`
that of a profile whose latest run of monitoring judged a challenger.
"""

import argparse
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import FloatRect, Locator, Page, sync_playwright

from ticket_assets.serving.probe import free_port

PROJECT = Path(__file__).resolve().parents[1]
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
FAULTS = (
    "Could not parse record",
    "An error occurred",
    "Python Error",
    "GraphQL error",
    "Definitions loaded with errors",
)
# The part of the lineage page that is the graph, in pixels of the page.
GRAPH = FloatRect(x=545, y=112, width=1850, height=1940)
COLOURS = 128  # enough for a screen of a web page, at a third of the size
# Of an asset's page: its tables, and the dialog with the plots over it. From left to right, in pixels of the page.
TABLES, DIALOG = (240, 1390), (580, 1320)
# The sensor's page down to its timeline.
SENSOR = FloatRect(x=240, y=0, width=1260, height=535)
TICKS = """{ sensorOrError(sensorSelector: {repositoryLocationName: "ticket_assets", repositoryName: "__repository__",
sensorName: "retraining"}) { ... on Sensor { sensorState { ticks(limit: 500) { timestamp status } } } } }"""


class PictureError(RuntimeError):
    """A page is not fit to be shown; the message says why."""


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="demo")
    parser.add_argument("--watched", action="store_true", help="those of monitoring instead of those of the line")
    parser.add_argument("--shadow", action="store_true", help="that of a challenger that live tickets were asked about")
    parser.add_argument("--folder", type=Path, default=PROJECT / "docs" / "pictures")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("no chromium on this machine: apt-get install chromium")
    home = dagster_home(chosen.profile)
    with (
        webserver(chosen.profile, home) as url,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=browser, args=CHROMIUM_FLAGS) as opened,
    ):
        page = opened.new_page(viewport={"width": 2400, "height": 2400})
        if chosen.shadow:
            asset(page, url, "monitoring/shadow", 1300, chosen.folder / "shadow.png")
        elif chosen.watched:
            asset(page, url, "monitoring/history", 1180, chosen.folder / "history.png")
            evidently(page, home.parent / "monitoring" / "windows", chosen.folder / "evidently.png")
            ticks(page, url, chosen.folder / "retraining_ticks.png")
        else:
            lineage(page, url, chosen.folder / "lineage.png")
            asset(page, url, "models/evaluation", 1880, chosen.folder / "evaluation.png")
    print(f"pictures are in {chosen.folder}")


def dagster_home(profile: str) -> Path:
    """DAGSTER_HOME of a profile."""
    command = [sys.executable, "-m", "ticket_assets", "home", "--profile", profile]
    return Path(subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT).stdout.strip())


@contextmanager
def webserver(profile: str, home: Path) -> Iterator[str]:
    """Dagster's webserver on a free port, with the instance of a profile."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster_webserver", "-w", "workspace.yaml", "-p", str(port)],
        cwd=PROJECT,
        env={**os.environ, "DAGSTER_HOME": str(home), "TICKET_ASSETS_PROFILE": profile},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 90
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.5)
        else:
            raise PictureError("the webserver did not come up within 90 s")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def lineage(page: Page, url: str, path: Path) -> None:
    """The whole graph from top to bottom, groups unfolded; from left to right it is thrice as large."""
    page.goto(f"{url}/asset-groups")
    page.evaluate("localStorage.setItem('asset-graph-direction', JSON.stringify('vertical'))")
    page.reload()
    page.locator("[aria-label=unfold_more]").first.wait_for(timeout=60_000)
    page.keyboard.press("Alt+e")  # "Expand all groups"
    page.locator("[aria-label=unfold_less]").first.wait_for(timeout=10_000)
    page.reload()  # fits the unfolded graph into the view
    page.get_by_text("evaluation", exact=True).first.wait_for(timeout=60_000)
    page.wait_for_timeout(3000)
    missing = [name for name in assets(page, url) if not is_inside(page, name)]
    if missing or page.locator("[aria-label=unfold_more]").count():
        raise PictureError(f"the lineage has groups folded, or does not show {missing}")
    require_fit(page)
    cropped(taken(page, GRAPH)).quantize(COLOURS).save(path, optimize=True)


def assets(page: Page, url: str) -> list[str]:
    """The last part of the key of every asset."""
    nodes = ask(page, url, "{ assetNodes { assetKey { path } } }")["assetNodes"]
    if not nodes:
        raise PictureError("the webserver knows no asset")
    return [node["assetKey"]["path"][-1] for node in nodes]


def ask(page: Page, url: str, query: str) -> dict[str, Any]:
    """What the webserver answers to a query."""
    data: dict[str, Any] = page.request.post(f"{url}/graphql", data={"query": query}).json()["data"]
    return data


def is_inside(page: Page, name: str) -> bool:
    """Whether the node of an asset lies within the picture."""
    for node in page.get_by_text(name, exact=True).all():
        box = node.bounding_box()
        if box is None:
            continue
        across, down = box["x"] - GRAPH["x"], box["y"] - GRAPH["y"]
        if 0 <= across <= GRAPH["width"] - box["width"] - 60 and 60 <= down <= GRAPH["height"] - 60:
            return True
    return False


def cropped(image: Image.Image) -> Image.Image:
    """The image without its margins; the dots of the background do not count."""
    drawn = image.convert("L").point(lambda value: 255 if value < 215 else 0).getbbox()
    if drawn is None:
        raise PictureError("the lineage is empty")
    left, top, right, bottom = drawn
    right, bottom = min(right + 40, image.width), min(bottom + 40, image.height)
    return image.crop((max(left - 40, 0), max(top - 40, 0), right, bottom))


def asset(page: Page, url: str, key: str, height: int, path: Path) -> None:
    """An asset's tables, and beside them the plots that its first link opens."""
    tables_at, dialog_at = (
        FloatRect(x=left, y=0, width=right - left, height=height) for left, right in (TABLES, DIALOG)
    )
    page.set_viewport_size({"width": 1900, "height": height})
    page.goto(f"{url}/assets/{key}?view=overview")
    shown = page.get_by_text("[Show Markdown]")
    shown.first.wait_for(timeout=60_000)
    page.wait_for_timeout(5000)  # status and history come after the metadata, and until then are grey bars
    require_fit(page)
    tables = taken(page, tables_at)
    for number in range(shown.count()):
        shown.nth(number).click()
        page.locator("img[src^='data:image']").first.wait_for(timeout=10_000)
        page.wait_for_timeout(500)
        if number == 0:
            plots = taken(page, dialog_at)
        for image in page.locator("img[src^='data:image']").all():
            require_drawn(image.screenshot(), image.get_attribute("alt") or "plot")
        page.keyboard.press("Escape")
        page.wait_for_timeout(500)
    both = Image.new("RGB", (tables.width + plots.width, tables.height), "white")
    both.paste(tables, (0, 0))
    both.paste(plots, (tables.width, 0))
    both.quantize(COLOURS).save(path, optimize=True)


def evidently(page: Page, windows: Path, path: Path) -> None:
    """Of Evidently's page of the latest window its sums and the predicted classes, in percent."""
    pages = sorted(windows.glob("*/report.html"), key=lambda one: one.stat().st_mtime)
    if not pages:
        raise PictureError(f"no window in {windows} has a page")
    page.set_viewport_size({"width": 1100, "height": 4000})
    page.goto(pages[-1].as_uri())
    head = page.get_by_text(re.compile("^Drift in column '.*: predicted'$")).first
    head.wait_for(timeout=60_000)
    page.wait_for_timeout(3000)
    plots = [one for one in page.locator(".js-plotly-plot").all() if below(one) > below(head)]
    plots[0].get_by_text("perc", exact=True).dispatch_event("click")
    page.wait_for_timeout(1000)
    require_drawn(plots[0].screenshot(), "Evidently's plot of predicted classes")
    sums = FloatRect(x=0, y=50, width=1100, height=below(page.get_by_text("Drift in column").first) - 81)
    classes = FloatRect(x=0, y=below(head) - 30, width=1100, height=below(plots[0]) - below(head) + 530)
    stacked([taken(page, sums), taken(page, classes)], gap=0).quantize(COLOURS).save(path, optimize=True)


def below(one: Locator) -> float:
    """How far below the top of the page something lies, in pixels."""
    box = one.bounding_box()
    if box is None:
        raise PictureError(f"{one} is not shown")
    return box["y"]


def taken(page: Page, clip: FloatRect) -> Image.Image:
    """A part of a page."""
    return Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")


def stacked(parts: list[Image.Image], gap: int) -> Image.Image:
    """Images one below the other, in the middle."""
    whole = Image.new("RGB", (max(one.width for one in parts), sum(one.height + gap for one in parts) - gap), "white")
    top = 0
    for one in parts:
        whole.paste(one, ((whole.width - one.width) // 2, top))
        top += one.height + gap
    return whole


def ticks(page: Page, url: str, path: Path) -> None:
    """The hour before the sensor's last tick, and why it asked for nothing before the first run and at the end."""
    known = ask(page, url, TICKS)["sensorOrError"]["sensorState"]["ticks"][::-1]  # oldest first
    first = next((place for place, one in enumerate(known) if one["status"] == "SUCCESS"), 0)
    if first == 0:
        raise PictureError("the sensor asked for no run, or never before waited")
    page.set_viewport_size({"width": 1500, "height": 1600})
    page.clock.set_fixed_time(datetime.fromtimestamp(known[-1]["timestamp"] + 30, UTC))
    page.goto(f"{url}/locations/ticket_assets/sensors/retraining")
    page.get_by_role("button", name="1hr").click()
    page.wait_for_timeout(4000)
    require_fit(page)
    parts = [taken(page, SENSOR)]
    for one in (known[-1], known[first - 1]):
        at = datetime.fromtimestamp(one["timestamp"], UTC).strftime("%b %-d, %-I:%M:%S %p")
        row = page.get_by_role("row").filter(has_text=at)
        while not row.count():
            page.get_by_text("Older").click()
            page.wait_for_timeout(2000)
        row.get_by_text("0 runs requested").last.click()
        reason, dialog = page.get_by_text("Skip reason:").locator(".."), page.get_by_role("dialog")
        reason.wait_for(timeout=10_000)
        page.wait_for_timeout(1000)  # it fades in
        around = dialog.bounding_box()
        if around is None:
            raise PictureError(f"the tick of {at} has no dialog")
        inside = reason.bounding_box() or around
        height = inside["y"] + inside["height"] + 24 - around["y"]
        clip = FloatRect(x=around["x"] + 6, y=around["y"] + 6, width=around["width"] - 12, height=height)
        parts.insert(1, taken(page, clip))
        page.keyboard.press("Escape")
        page.wait_for_timeout(1000)
    stacked(parts, gap=16).quantize(COLOURS).save(path, optimize=True)


def require_fit(page: Page) -> None:
    """Refuse a page with an error on it."""
    text = page.inner_text("body")
    faults = [fault for fault in FAULTS if fault in text]
    if faults:
        raise PictureError(f"{page.url} shows {faults}")


def require_drawn(png: bytes, name: str) -> None:
    """Refuse an image that is all of one colour, or nearly so."""
    grey = Image.open(io.BytesIO(png)).convert("L")
    counts = grey.histogram()
    if max(counts) > 0.995 * sum(counts):
        raise PictureError(f"{name} is empty")


if __name__ == "__main__":
    main()
