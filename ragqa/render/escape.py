"""Text of third parties made harmless: it is shown, and never a control sequence, an image, a link or a tag."""

import re
import unicodedata

_MARKDOWN = re.compile(r"[\\`*_\[\]<>&!~|$#@]")
_BLOCK_START = re.compile(r"^([-+=]|\d+(?=[.)])(?P<mark>[.)]))")
_WORD = re.compile(r"[^\s`]+")
_EDGES = "()[]{}<>\"'“”.,;:!?"
_RUN = re.compile(r"[\w.-]+")
_CERTAIN = re.compile(r"(?i)://|\bwww\.|@[\w-]+\.\w")
_TOP_LEVEL = re.compile(
    r"(?i)[a-z]{2}|com|org|net|edu|gov|int|mil|info|biz|pro|web|xxx|name|shop|site|aero|asia|coop|museum|app|dev|"
    r"link|click|online|top|xyz|zip|mov|рф"
)
_UNSEEN = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xE0000, 0xE0080), 0xFFFE, 0xFFFF))


def plain(text: str) -> str:
    r"""The text in one line without control characters, which a terminal would obey.

    Left out, too, are overrides of the direction of writing, behind which a text reads otherwise than it is; tags
    (U+E0000 to U+E007F), which a language model reads and a person does not see; and U+FFFE and U+FFFF, which end XML.

    >>> plain("Statins\x1b[2J\nin women")
    'Statins [2J in women'
    """
    shown = text.translate(_UNSEEN)
    return " ".join("".join(" " if unicodedata.category(sign) in ("Cc", "Cs") else sign for sign in shown).split())


def markdown(text: str) -> str:
    r"""The text in one line of Markdown that shows just the text, whatever signs are in it.

    Addresses become code: many programs make links of those that they find in a text, escaped or not.

    >>> markdown("![x](http://example.org/seen.png)")
    '\\!\\[`x](http://example.org/seen.png`)'
    >>> markdown("see www.example.org *now*")
    'see `www.example.org` \\*now\\*'
    >>> markdown("1. Aim & <b>scope</b>")
    '1\\. Aim \\& \\<b\\>scope\\</b\\>'
    """
    shown, pieces, place = plain(text), list[str](), 0
    for found in _WORD.finditer(shown):
        address = found[0].strip(_EDGES)
        if _is_address(address):
            begin = found.start() + found[0].index(address)
            pieces += [_escaped(shown[place:begin]), f"`{address}`"]
            place = begin + len(address)
    escaped = "".join([*pieces, _escaped(shown[place:])])
    return _BLOCK_START.sub(lambda found: found[0][:-1] + "\\" + found[0][-1], escaped)


def _is_address(word: str) -> bool:
    """Whether a program may take the word for an address: it has a scheme, is a mailbox, or ends like a domain."""
    if "." not in word and "://" not in word:
        return False
    if _CERTAIN.search(word):
        return True
    hosts = (run[0].strip(".-").rpartition(".") for run in _RUN.finditer(word))
    return any(before and _TOP_LEVEL.fullmatch(last) for before, _, last in hosts)


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(lambda found: "\\" + found[0], text)
