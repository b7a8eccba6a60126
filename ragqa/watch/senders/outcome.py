"""How sending can fail: surely not handed over, or unknown."""


class NotSentError(Exception):
    """The other side surely did not take the message; it may be sent again."""


class UncertainError(Exception):
    """The other side had the whole message and did not say whether it takes it."""
