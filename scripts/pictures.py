"""Pictures of the demo profile for the README: the lineage, and what `models/evaluation` shows.

Starts the Dagster webserver on the demo's instance, opens it in headless Chromium, and fails on an error banner, a
record the UI could not read, or a plot with nothing on it. Run it after `make demo`: make pictures
"""

import argparse
import io
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import FloatRect, Page, sync_playwright

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
# Of the page of models/evaluation: its tables, and the dialog with the plots over it.
TABLES = FloatRect(x=240, y=0, width=1150, height=1880)
DIALOG = FloatRect(x=580, y=0, width=740, height=1880)


class PictureError(RuntimeError):
    """A page is not fit to be shown; the message says why."""


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--profile", default="demo")
    parser.add_argument("--folder", type=Path, default=PROJECT / "docs" / "pictures")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("no chromium on this machine: apt-get install chromium")
    with (
        webserver(chosen.profile) as url,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=browser, args=CHROMIUM_FLAGS) as opened,
    ):
        page = opened.new_page(viewport={"width": 2400, "height": 2400})
        lineage(page, url, chosen.folder / "lineage.png")
        evaluation(page, url, chosen.folder / "evaluation.png")
    print(f"pictures are in {chosen.folder}")


@contextmanager
def webserver(profile: str) -> Iterator[str]:
    """Dagster's webserver on a free port, with the instance of a profile."""
    command = [sys.executable, "-m", "ticket_assets", "home", "--profile", profile]
    home = subprocess.run(command, check=True, capture_output=True, text=True, cwd=PROJECT).stdout.strip()
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "dagster_webserver", "-w", "workspace.yaml", "-p", str(port)],
        cwd=PROJECT,
        env={**os.environ, "DAGSTER_HOME": home, "TICKET_ASSETS_PROFILE": profile},
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
    graph = Image.open(io.BytesIO(page.screenshot(clip=GRAPH))).convert("RGB")
    cropped(graph).quantize(COLOURS).save(path, optimize=True)


def assets(page: Page, url: str) -> list[str]:
    """The last part of the key of every asset."""
    answer = page.request.post(f"{url}/graphql", data={"query": "{ assetNodes { assetKey { path } } }"})
    nodes = answer.json()["data"]["assetNodes"]
    if not nodes:
        raise PictureError("the webserver knows no asset")
    return [node["assetKey"]["path"][-1] for node in nodes]


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


def evaluation(page: Page, url: str, path: Path) -> None:
    """Score tables and the plots of the first target, one above the other."""
    page.set_viewport_size({"width": 1900, "height": 1880})
    page.goto(f"{url}/assets/models/evaluation?view=overview")
    shown = page.get_by_text("[Show Markdown]")
    shown.first.wait_for(timeout=60_000)
    page.wait_for_timeout(5000)  # status and history come after the metadata, and until then are grey bars
    require_fit(page)
    tables = Image.open(io.BytesIO(page.screenshot(clip=TABLES)))
    for number in range(shown.count()):
        shown.nth(number).click()
        page.locator("img[src^='data:image']").first.wait_for(timeout=10_000)
        page.wait_for_timeout(500)
        if number == 0:
            plots = Image.open(io.BytesIO(page.screenshot(clip=DIALOG)))
        for image in page.locator("img[src^='data:image']").all():
            require_drawn(image.screenshot(), image.get_attribute("alt") or "plot")
        page.keyboard.press("Escape")
        page.wait_for_timeout(500)
    both = Image.new("RGB", (tables.width + plots.width, tables.height), "white")
    both.paste(tables, (0, 0))
    both.paste(plots, (tables.width, 0))
    both.quantize(COLOURS).save(path, optimize=True)


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
