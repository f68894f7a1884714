"""What a browser is served: a page of our own that asks no other host."""

import re
import urllib.error
import urllib.request
from email.message import Message
from html.parser import HTMLParser

import pytest

from ticket_assets.serving.access.policy import Policy
from ticket_assets.serving.access.settings import AccessSettings
from ticket_assets.serving.endpoint.description import ROUTES
from ticket_assets_tests.serving.service.conftest import Guarded

PATHS = sorted(Policy.of(AccessSettings()).paths)
OF_BENTOML = ("/static_content/swagger-ui-bundle.js", "/static_content/index.css", "/static_content/", "/assets/")


class _Reading(HTMLParser):
    """The tags of a page, and whatever in it names a place."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.places: list[str] = re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s;]+)", text)
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        naming = {"src", "href", "srcset", "action", "formaction", "data", "poster", "background", "content", "ping"}
        self.places += [value or "" for name, value in attrs if name in naming]


def read(guarded: Guarded, path: str, method: str = "GET", key: bool = True) -> tuple[int, Message, str]:
    headers = {"Authorization": f"Bearer {guarded.key}"} if key else {}
    url = f"http://127.0.0.1:{guarded.server.port}{path}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers, method=method), timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.headers, refused.read().decode()


def test_no_page_that_is_served_names_another_host(guarded: Guarded) -> None:
    """BentoML's page at / loads a tag manager; also one with a key for everything is not served it."""
    pages = {path: read(guarded, path) for path in [*PATHS, *OF_BENTOML]}
    html = {path: text for path, (_, headers, text) in pages.items() if headers.get_content_type() == "text/html"}
    assert set(html) == {"/"}
    for path, (status, headers, text) in pages.items():
        if path not in html:
            assert headers.get_content_type() in ("application/json", "text/plain"), (path, status)
        assert "googletagmanager" not in text
    read_page = _Reading(html["/"])
    assert read_page.places
    assert [place for place in read_page.places if "//" in place] == []
    assert not {"script", "iframe", "img", "object", "embed", "base", "form"} & read_page.tags


def test_the_page_is_open_and_forbids_the_browser_to_load_anything(guarded: Guarded) -> None:
    status, headers, text = read(guarded, "/", key=False)
    assert (status, headers.get_content_type()) == (200, "text/html")
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert not re.search(r"https?:|\*|script-src|connect-src", policy)
    assert headers["referrer-policy"] == "no-referrer"
    length = len(text.encode())
    status, headers, nothing = read(guarded, "/", "HEAD", key=False)
    assert (status, headers["content-length"], nothing) == (200, str(length), "")
    assert read(guarded, "/", "POST", key=False)[0] == 405


def test_the_page_names_every_path_and_its_links_lead_somewhere(guarded: Guarded) -> None:
    _, _, text = read(guarded, "/", key=False)
    links = [place for place in _Reading(text).places if place.startswith("/")]
    assert links == ["/docs.json", "/healthz", "/readyz", "/info", "/metrics"]
    assert {path: read(guarded, path)[0] for path in links} == dict.fromkeys(links, 200)
    assert all(f"<code>{path}</code>" in text for path in ROUTES)
    assert "make keys PROFILE=" in text


@pytest.mark.parametrize("key", [True, False], ids=["with a key", "without"])
def test_files_of_bentoml_s_page_are_not_there_for_anybody(guarded: Guarded, key: bool) -> None:
    assert {path: read(guarded, path, key=key)[0] for path in OF_BENTOML} == dict.fromkeys(OF_BENTOML, 404)
