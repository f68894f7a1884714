"""The places that tickets come from, one module per kind behind one protocol (contract.py)."""

from ticket_assets.tickets.sources.contract import SourceError

__all__ = ["SourceError"]
