"""`POST /login`: a name and a password for a token.

Belongs here: reading the request, the answer. Does not belong here: whether it fits (sign_in.py).
"""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ticket_assets.serving.access.error_shape import refusal_response
from ticket_assets.serving.access.http import address_of
from ticket_assets.serving.access.refusal import Refusal
from ticket_assets.serving.access.sign_in import SignIn

PATH = "/login"
FIELDS = frozenset({"name", "password"})


def login_app(sign_in: SignIn) -> Starlette:
    """The application to mount at `/`: it has the one path."""

    async def login(request: Request) -> Response:
        try:
            name, password = _credentials(await request.json() if await request.body() else {})
            made = await sign_in.sign_in(name, password, address_of(request.scope))
        except Refusal as refusal:
            return refusal_response(refusal)
        told = {"token": made.token, "token_type": "Bearer", "expires_in": made.seconds}
        who = {"name": made.user.name, "scopes": sorted(made.user.scopes)}
        return JSONResponse({**told, **who}, headers={"cache-control": "no-store"})

    return Starlette(routes=[Route(PATH, login, methods=["POST"])])


def _credentials(said: dict[str, Any]) -> tuple[str, str]:
    """Name and password of a body that `body.py` has found to be an object."""
    for field in ("name", "password"):
        if not isinstance(said.get(field), str) or not said[field]:
            raise Refusal(400, f"{field}: give it as text", field=field)
    return said["name"], said["password"]
