"""What a question takes for granted: "Since A cures B, …?" and "Why does A cause B?", as a question of its own.

>>> premise_of("Since insulin cures type 1 diabetes, how long must it be taken?")
'Is it true that insulin cures type 1 diabetes?'
>>> premise_of("Why do statins cause myopathy?")
'Do statins cause myopathy?'
>>> premise_of("Since 2010, has the mortality of stroke fallen?")
''
"""

import re

from ragqa.answer.assertion import asserted

_GRANTED = re.compile(
    r"\A\W*(?:since|given that|because|considering that|now that|as we know that|knowing that|assuming that)\s+"
    r"(?P<claim>[^?]+?),\s+(?P<asked>[^?]+\?)\W*\Z",
    re.IGNORECASE,
)
_WHY = re.compile(
    r"\A\W*why\s+(?P<asked>(?:do|does|did|is|are|was|were|can|could|has|have|will|would)\s+[^?,;]+\?)\W*\Z",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|can|cannot|does|do|did|will|must|should|cures?|causes?|works?|kills?|treats?)\b",
    re.IGNORECASE,
)


def premise_of(text: str) -> str:
    """The yes/no question whose yes the text takes for granted; "" where it takes nothing for granted in these forms.

    Parameters
    ----------
    text
        A question. "Since the introduction of …," has no verb, and is a time.
    """
    if found := _WHY.match(text):
        asked = found["asked"]
        return asked[:1].upper() + asked[1:]
    found = _GRANTED.match(text)
    if found and (_VERB.search(found["claim"]) or asserted(found["claim"]).cues):
        return f"Is it true that {found['claim']}?"
    return ""
