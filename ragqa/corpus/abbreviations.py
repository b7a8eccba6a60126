"""Abbreviations that texts explain themselves: "atrial fibrillation (AF)" (Schwartz and Hearst, PSB 2003)."""

import re

_SHORT = re.compile(r"\((?P<short>[A-Za-z][\w/α-ω+-]{1,9}s?)(?:[;,][^()]*)?\)")
_REACH = 200
"""Characters before the bracket in which a long form is looked for."""


def explained(text: str) -> dict[str, str]:
    """Abbreviations that a text explains, and their long forms.

    The long form is the run of words before the bracket whose initials the abbreviation is; where there is none, the
    shortest one that starts with its first letter and holds its letters in order.

    >>> explained("Patients with atrial fibrillation (AF) took a proton pump inhibitor (PPI).")
    {'AF': 'atrial fibrillation', 'PPI': 'proton pump inhibitor'}
    """
    pairs = {}
    for found in _SHORT.finditer(text):
        short = found["short"]
        if not any(sign.isupper() for sign in short):
            continue
        before = text[max(0, found.start() - _REACH) : found.start()].rstrip()
        if long := _long_form(before, short):
            pairs[short] = long
    return pairs


def _long_form(before: str, short: str) -> str:
    """The end of ``before`` that ``short`` stands for; "" where there is none."""
    letters = [sign.lower() for sign in short.removesuffix("s") if sign.isalnum()]
    parts = list(re.finditer(r"[^\s-]+", before))[-len(letters) :]
    if letters and [part.group()[0].lower() for part in parts] == letters and len(parts) > 1:
        return before[parts[0].start() :]
    starts = [word.start() for word in re.finditer(r"\S+", before)][-min(len(letters) + 5, len(letters) * 2) :]
    if not starts:
        return ""
    lowered, place = before.lower(), len(before)
    for index in range(len(letters) - 1, -1, -1):
        place -= 1
        while place >= starts[0] and not (
            lowered[place] == letters[index] and (index > 0 or place == 0 or not before[place - 1].isalnum())
        ):
            place -= 1
        if place < starts[0]:
            return ""
    long = before[place:]
    return long if len(long) > len(short) and long.lower() != short.lower() else ""
