"""How many processor cores a process computes on."""

import os

VARIABLE = "RAGQA_CORES"
"""The environment variable that gives a process fewer than it may use: one of several that share a machine."""


def n_cores() -> int:
    """The cores that this process may use, and no more than ``RAGQA_CORES`` says."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    told = os.environ.get(VARIABLE, "")
    return min(usable, int(told)) if told.isdecimal() and int(told) > 0 else usable
