"""`report`: print scores, decision and bento of what is there.

Belongs here: the command. Does not belong here: what it says (serving/report.py).
"""

import argparse

from ticket_assets.settings import Settings

HELP = "print scores, decision and bento of what is there"
EXAMPLE = "report --profile it_service"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def execute(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print what is there, and what to open next."""
    from ticket_assets.automation.recorded import recorded
    from ticket_assets.serving.data_report import ASSETS
    from ticket_assets.serving.report import report_lines

    for line in report_lines(settings, recorded(settings.profile_root / "dagster", ASSETS)):
        print(line)
    return 0
