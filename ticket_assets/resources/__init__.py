"""Dagster: resources that hand out plain objects; no arithmetic."""
