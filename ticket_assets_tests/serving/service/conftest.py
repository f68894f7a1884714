"""The whole service: a BentoML server of toy bundles, a real Postgres behind it, and what its database holds."""

# The fixtures of the neighbours are taken over by name.
from ticket_assets_tests.serving.endpoint.conftest import _written, store
from ticket_assets_tests.serving.prediction_log.conftest import postgres, server

__all__ = ["_written", "postgres", "server", "store"]
