"""One line of ``ragqa doctor``."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: its state, what was found, and the next step.

    The state is ``ok``, ``missing`` where something that is built or set up here cannot work, ``warning``, or
    ``not installed``, ``not used`` for what nothing here needs.
    """

    name: str
    state: str
    found: str
    to_do: str = ""
