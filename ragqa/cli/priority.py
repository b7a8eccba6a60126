"""What runs beside searches lets them go first."""

import os

import click

_NICENESS = 10


def give_way() -> None:
    """Give the process of this command, and all that it starts from now on, a low priority, as ``nice`` does.

    An update takes all cores for minutes, searches take milliseconds. A priority that is lower yet stays, and a process
    that does not run this command alone keeps its own.
    """
    if click.get_current_context().obj and hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, 0, max(_NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
