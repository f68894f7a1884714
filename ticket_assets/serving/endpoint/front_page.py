"""The page at `/`: what a person sees who opens the service in a browser.

Belongs here: the page, and the middleware that answers it.
Does not belong here: what the service says of itself in JSON (pages.py, description.py), who may see it
(serving/access/policy.py).

BentoML 1.4.39 has a page of its own there, which loads a tag manager from another host; whoever opened it would tell
that host of a service inside. This one asks nobody: no script, no picture, and a policy that forbids the browser both.
"""

import re
from html import escape

from starlette.types import ASGIApp, Receive, Scope, Send

from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.endpoint.description import ROUTES, TITLE, VERSION

_LINKS = {
    "/docs.json": "the description of the API, OpenAPI 3.1",
    "/healthz": "how it is: ok, degraded or down, and what is wrong",
    "/readyz": "whether a model answers",
    "/info": "which model answers, its labels and scores; needs a key with the scope predict",
    "/metrics": "for Prometheus; needs a key with the scope admin, unless they are open",
}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;"
    "color:#222;background:#fff}"
    "code,pre{font:14px/1.5 ui-monospace,monospace}pre{background:#f3f3f3;padding:.7rem;overflow-x:auto}"
    "dt{margin-top:.5rem}dd{margin:0 0 0 1.5rem}"
    "@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}pre{background:#262626}a{color:#8bf}}"
)
_HEADERS = (
    (b"content-type", b"text/html; charset=utf-8"),
    # `data:` is the empty icon, without which browsers ask for one.
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        b"form-action 'none'; frame-ancestors 'none'",
    ),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)
_CODE, _AS_CODE = re.compile("`([^`]+)`"), r"<code>\1</code>"
_ASKED = escape(
    "curl localhost:3000/predict -H 'Content-Type: application/json' \\\n"
    '  -H "Authorization: Bearer $TICKET_ASSETS_KEY" \\\n'
    '  -d \'{"body": "VPN drops"}\'',
    quote=False,
)
# Files of BentoML's page, which nobody needs without it.
_FORMER = "/static_content/"


class FrontPage:
    """Answers GET of `/`, and says of the files of BentoML's own page that they are not there; all else goes on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._page = app, page().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            Refusal: 404 for a file of BentoML's page.
        """
        if scope["type"] == "http" and scope["path"].startswith(_FORMER):
            raise Refusal(404, "there is no such thing here")
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] not in ("GET", "HEAD"):
            await self._app(scope, receive, send)
            return
        headers = [*_HEADERS, (b"content-length", str(len(self._page)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self._page})


def page() -> str:
    """The page; it is the same for everybody, and says nothing about the model."""
    links = "".join(
        f'<dt><a href="{path}"><code>{path}</code></a></dt><dd>{escape(what)}</dd>' for path, what in _LINKS.items()
    )
    paths = "".join(
        f"<dt><code>{path}</code></dt><dd>{_CODE.sub(_AS_CODE, escape(route.summary))}</dd>"
        for path, route in ROUTES.items()
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{TITLE} {VERSION}</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
</head>
<body>
<h1>{TITLE} {VERSION}</h1>
<p>Support-ticket triage over HTTP and gRPC.</p>
<dl>{links}</dl>
<h2>A key</h2>
<p>Who runs this service makes one, in the project's folder:</p>
<pre>make keys PROFILE=… ARGS='add --name me --scopes predict,feedback'</pre>
<p>It is sent as <code>Authorization: Bearer ta_…</code>:</p>
<pre>{_ASKED}</pre>
<h2>What is asked with POST</h2>
<dl>{paths}</dl>
</body>
</html>
"""
