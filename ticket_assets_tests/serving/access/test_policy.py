"""The table of scopes."""

import pytest

from ticket_assets.serving.access.policy import UNKNOWN, Need, Policy, Scope, scopes_of
from ticket_assets.serving.access.settings import AccessSettings


@pytest.mark.parametrize(
    "path",
    ["/predict/", "//predict", "/PREDICT", "/predict;x", "/livez/../predict", "/livezz", "", "/static_content/a.js"],
)
def test_a_path_that_is_only_like_one_of_the_table_is_closed(path: str) -> None:
    assert Policy.of(AccessSettings()).of_path(path) == UNKNOWN


def test_docs_metrics_and_reflection_are_as_the_settings_say() -> None:
    reflection = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    for is_open, scope in ((True, None), (False, Scope.ADMIN)):
        settings = AccessSettings(open_docs=is_open, open_metrics=is_open, grpc_reflection=is_open)
        policy = Policy.of(settings, "desk.Triage")
        assert {policy.of_path(path).scope for path in ("/", "/docs.json", "/schema.json", "/metrics")} == {scope}
        assert policy.of_method(reflection).scope == scope
        assert policy.of_method("/grpc.health.v1.Health/Check") == Need(None)
        assert policy.of_method("/desk.Triage/Predict").scope == Scope.PREDICT
        assert policy.of_method("/desk.Triage/Forgotten") == UNKNOWN


def test_scopes_are_read_as_a_person_writes_them() -> None:
    assert scopes_of(" predict, admin") == {Scope.PREDICT, Scope.ADMIN}
    with pytest.raises(ValueError, match="'root' is no scope; there is predict, feedback, admin"):
        scopes_of("predict,root")
