"""Which scope a path of HTTP and a method of gRPC need.

Belongs here: the one table. Does not belong here: who has which scope (keys.py, users.py), asking (guard.py).

What is not in the table is closed: for all but admins it is not there. So a route that somebody adds and forgets here
is a 404, never an open door.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from ticket_assets.serving.access.settings import AccessSettings


class Scope(StrEnum):
    """What a key or a user may do; each stands for itself, admin does not contain the others."""

    PREDICT = "predict"
    FEEDBACK = "feedback"
    ADMIN = "admin"


SCOPES = tuple(Scope)


def scopes_of(text: str) -> frozenset[Scope]:
    """Scopes as a person writes them, with commas between them.

    Raises:
        ValueError: one is none; names it and those there are.
    """
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in SCOPES:
            raise ValueError(f"{word!r} is no scope; there is {', '.join(SCOPES)}")
    return frozenset(Scope(word) for word in words)


# None: everybody.
_PATHS: dict[str, Scope | None] = {
    **dict.fromkeys(("/livez", "/healthz", "/readyz", "/login")),
    **dict.fromkeys(("/predict", "/predict_batch", "/similar", "/info"), Scope.PREDICT),
    "/feedback": Scope.FEEDBACK,
    **dict.fromkeys(("/reload", "/act", "/act_report"), Scope.ADMIN),
}
_DOCS = ("/", "/docs.json", "/schema.json")
_METHODS: dict[str, Scope | None] = {
    **dict.fromkeys(("Predict", "PredictBatch", "Similar", "Info"), Scope.PREDICT),
    "Feedback": Scope.FEEDBACK,
    **dict.fromkeys(("Reload", "Act", "ActReport"), Scope.ADMIN),
}
_HEALTH = "/grpc.health.v1.Health/"
_REFLECTION = ("/grpc.reflection.v1alpha.ServerReflection/", "/grpc.reflection.v1.ServerReflection/")


@dataclass(frozen=True)
class Need:
    """What a request needs.

    Attributes:
        scope: that the caller must have; None: everybody may.
        hidden: whether to those who lack it the thing is not there.
    """

    scope: Scope | None
    hidden: bool = False


UNKNOWN = Need(Scope.ADMIN, hidden=True)


@dataclass(frozen=True)
class Policy:
    """The table of a service.

    Attributes:
        paths: whole paths of HTTP; None: everybody.
        methods: full names of gRPC's methods, /package.Service/Method.
        services: beginnings of those names, each with its slash at the end.
    """

    paths: Mapping[str, Scope | None]
    methods: Mapping[str, Scope | None] = field(default_factory=lambda: MappingProxyType({}))
    services: Mapping[str, Scope | None] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, settings: AccessSettings, grpc_service: str = "") -> "Policy":
        """The triage service's.

        Args:
            settings: whether docs, metrics and reflection are open.
            grpc_service: full name of the service in the .proto, such as ticket_assets.v1.Triage.
        """
        docs = None if settings.open_docs else Scope.ADMIN
        metrics = None if settings.open_metrics else Scope.ADMIN
        reflection = None if settings.grpc_reflection else Scope.ADMIN
        return cls(
            paths={**_PATHS, **dict.fromkeys(_DOCS, docs), "/metrics": metrics},
            methods={f"/{grpc_service}/{name}": scope for name, scope in _METHODS.items()} if grpc_service else {},
            services={_HEALTH: None, **dict.fromkeys(_REFLECTION, reflection)},
        )

    def of_path(self, path: str) -> Need:
        """What a decoded path of HTTP needs."""
        return _look_up(path, self.paths, {})

    def of_method(self, method: str) -> Need:
        """What a method of gRPC needs, /package.Service/Method."""
        return _look_up(method, self.methods, self.services)


def _look_up(name: str, whole: Mapping[str, Scope | None], beginnings: Mapping[str, Scope | None]) -> Need:
    if name in whole:
        return Need(whole[name])
    for beginning, scope in beginnings.items():
        if name.startswith(beginning):
            return Need(scope)
    return UNKNOWN
