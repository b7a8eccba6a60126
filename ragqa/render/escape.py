"""Text of third parties made harmless: it is shown, and never a control sequence, an image, a link or a tag."""

import re
import unicodedata

_MARKDOWN = re.compile(r"[\\`*_\[\]<>&!~|$#@]")
_ADDRESS = re.compile(r"(?i)(?::(?=//))|(?<=www)\.")
_BLOCK_START = re.compile(r"^([-+=]|\d+(?=[.)])(?P<mark>[.)]))")


def plain(text: str) -> str:
    r"""The text in one line without control characters, which a terminal would obey.

    >>> plain("Statins\x1b[2J\nin women")
    'Statins [2J in women'
    """
    return " ".join("".join(" " if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in text).split())


def markdown(text: str) -> str:
    r"""The text in one line of Markdown that shows just the text, whatever signs are in it.

    >>> markdown("![x](http://example.org/seen.png)")
    '\\!\\[x\\](http\\://example.org/seen.png)'
    >>> markdown("1. Aim & <b>scope</b>")
    '1\\. Aim \\& \\<b\\>scope\\</b\\>'
    """
    escaped = _ADDRESS.sub(lambda found: "\\" + found[0], _MARKDOWN.sub(lambda found: "\\" + found[0], plain(text)))
    return _BLOCK_START.sub(lambda found: found[0][:-1] + "\\" + found[0][-1], escaped)
