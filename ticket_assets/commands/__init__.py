"""The commands of `python -m ticket_assets`, one module each: `HELP`, `add_arguments`, `execute`."""
