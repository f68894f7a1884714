"""Dagster: the declarations of the assets, one file per group."""
