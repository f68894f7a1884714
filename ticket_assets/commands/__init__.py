"""The commands of `python -m ticket_assets`, one module each: `HELP`, `EXAMPLE`, `add_arguments`, `execute`."""
