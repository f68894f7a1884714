"""Support-ticket triage as Dagster software-defined assets. Importing the package costs nothing."""
