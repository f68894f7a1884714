"""Dagster: what makes assets run and what stops a bad one."""
