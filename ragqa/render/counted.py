"""Numbers of things in words, as they are said of one and of several."""


def counted(n: int, one: str, many: str = "") -> str:
    """A number with what it counts; ``many`` is needed only where it is not ``one`` and an s.

    >>> counted(1, "sentence was", "sentences were"), counted(1200, "claim")
    ('1 sentence was', '1,200 claims')
    """
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"
