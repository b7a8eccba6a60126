"""The text of an element of PubMed XML: inline markup resolved, runs of white space as one space.

``<i>``, ``<b>`` and ``<u>`` leave their text. ``<sup>`` and ``<sub>``, and the powers, indices and fractions of MathML,
keep what they say: 10⁴, H₂O, 1/2 (:mod:`ragqa.corpus.scripts`).
"""

from collections.abc import Iterator
from html import unescape
from typing import TYPE_CHECKING

from ragqa.corpus.scripts import subscript, superscript
from ragqa.corpus.text import one_line

if TYPE_CHECKING:
    from lxml.etree import _Element as Element


def text_of(element: "Element | None") -> str:
    """All text inside an element; "" for None."""
    if element is None:
        return ""
    return one_line((element.text or "") if not len(element) else "".join(_pieces(element)))


def plain_text_of(element: "Element | None") -> str:
    """The text of an element that by the DTD has no markup inside: faster than :func:`text_of`."""
    text = None if element is None else element.text
    return one_line(text) if text else ""


def _pieces(element: "Element") -> Iterator[str]:
    if element.text:
        yield element.text
    for child in element:
        # References to entities stay unexpanded nodes; HTML's names are known, others are shown as written.
        if isinstance(child.tag, str):
            yield from _inline(child)
        elif child.text:
            yield unescape(child.text)
        if child.tail:
            yield child.tail


def _inline(element: "Element") -> Iterator[str]:
    name = str(element.tag).rpartition("}")[2]
    if name == "sup":
        yield superscript("".join(_pieces(element)))
    elif name == "sub":
        yield subscript("".join(_pieces(element)))
    elif name in _MATHS and len(element) == _MATHS[name]:
        yield _formula(name, ["".join(_inline(child)).strip() for child in element])
    else:
        yield from _pieces(element)


_MATHS = {"msup": 2, "msub": 2, "msubsup": 3, "mfrac": 2}
"""Elements of MathML whose children say more by their place, and how many those are."""


def _formula(name: str, parts: list[str]) -> str:
    if name == "mfrac":
        return "/".join(part if part.isalnum() else f"({part})" for part in parts)
    indices = subscript(parts[1]) if name != "msup" else ""
    return parts[0] + indices + (superscript(parts[-1]) if name != "msub" else "")
