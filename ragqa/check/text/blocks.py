"""A file or string as blocks of plain text: headings, paragraphs, items of lists, cells of tables."""

import io
import itertools
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ragqa.check.text.raised import in_line
from ragqa.corpus.text import one_line
from ragqa.errors import BackendError, SourceError, UsageError, nearest
from ragqa.render.counted import counted

if TYPE_CHECKING:
    from docx.text.paragraph import Paragraph
    from lxml.html import HtmlElement

Kind = Literal["heading", "paragraph", "item", "cell", "code"]
Form = Literal["text", "markdown", "html", "docx", "pdf"]
FORMS: tuple[Form, ...] = ("text", "markdown", "html", "docx", "pdf")
MOST_BYTES = 20 << 20
MOST_CHARACTERS = 2_000_000
MOST_UNPACKED_BYTES = 200 << 20
"""Of a DOCX file: one of a few kilobytes can be packed so that it fills the memory."""
_SUFFIXES: dict[str, Form] = {
    ".txt": "text", ".text": "text", ".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html",
    ".xhtml": "html", ".docx": "docx", ".pdf": "pdf",
}  # fmt: skip
_FEW_CHARACTERS_A_PAGE = 20
_REFERENCES = re.compile(
    r"\A(?:\d+\.?\s+)?(?:references?|bibliography|works cited|literature cited)\W*\Z", re.IGNORECASE
)
_AUTHOR = re.compile(r"\A[A-Z][\w'’-]+,?\s(?:[A-Z]{1,3}\b|[A-Z]\.)")
_SHORT_LINE = 0.7
"""Share of a page's longest line that a heading stays below."""
_BULLETS = "-*•‣–"
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_BOLD = re.compile(r"\*\*(\S(?:[^*\n]*\S)?)\*\*")
_FOOTNOTE = re.compile(r"^\[\^(\d{1,3})\]:[ \t]*(.+)$", re.MULTILINE)
_TO_FOOTNOTE = re.compile(r"\[\^(\d{1,3})\]")
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*>")
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_LONGEST_HEADING = 120


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of the text in one line."""

    text: str
    kind: Kind = "paragraph"


def read_blocks(path: Path, form: Form | None = None) -> tuple[Block, ...]:
    """The blocks of a file.

    Parameters
    ----------
    path
        The file.
    form
        What it is; None: by the end of its name, text where that tells nothing.

    Raises
    ------
    SourceError
        It is missing, empty, too large, not what its name says, or holds pictures of text only.
    BackendError
        A package that reads it is missing.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SourceError(f"{path} holds {path.stat().st_size >> 20} MiB; at most {MOST_BYTES >> 20} are checked")
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror or error}; check the path") from error
    return blocks_of(content, form or _SUFFIXES.get(path.suffix.lower(), "text"), str(path))


def blocks_of(content: bytes | str, form: Form = "text", name: str = "the text") -> tuple[Block, ...]:
    """The blocks of what a file holds; ``name`` is what errors call it. Raises as :func:`read_blocks`."""
    if form not in FORMS:
        raise UsageError(f"{form!r} is no form of text; {nearest(form, FORMS)}")
    if form in ("docx", "pdf"):
        if isinstance(content, str):
            raise UsageError(f"{form} is read from bytes, not from text")
        found = list(_docx(content, name) if form == "docx" else _pdf(content, name))
    else:
        text = content if isinstance(content, str) else _decoded(content, name)
        found = list({"text": _text, "markdown": _markdown, "html": _html}[form](text))
    blocks = tuple(Block(line, block.kind) for block in found if (line := one_line(block.text)))
    if not blocks:
        raise SourceError(f"{name} holds no text; give one with sentences to check")
    if (n_characters := sum(len(block.text) for block in blocks)) > MOST_CHARACTERS:
        raise SourceError(f"{name} has {n_characters:,} characters; at most {MOST_CHARACTERS:,} are checked at once")
    return blocks


def _decoded(content: bytes, name: str) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceError(f"{name} is not UTF-8 text: {error}; save it as UTF-8, or name its form") from error
    if "\0" in text:
        raise SourceError(f"{name} is binary, not text; give text, Markdown, HTML, DOCX or PDF")
    return text


def _text(text: str) -> Iterator[Block]:
    """Paragraphs stand between blank lines; a short line without a full stop before one is a heading.

    Lines that begin with a bullet are items wherever they stand, and so is each entry below "References".
    """
    is_list = False
    for part in _BOLD.sub(r"\1", text).replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        lines = [line.strip() for line in part.split("\n") if line.strip()]
        if lines and _REFERENCES.match(lines[0].lstrip("# ")):
            is_list = True
            yield Block(lines.pop(0).lstrip("# "), "heading")
        if len(lines) == 1 and len(lines[0]) <= _LONGEST_HEADING and lines[0][-1] not in '.!?;,)]”"':
            if _begins_item(lines[0], is_list=is_list):
                yield Block(_without_bullet(lines[0]), "item")
            else:
                yield Block(lines[0].lstrip("# "), "heading")
        elif lines and all(map(_numbered, lines)):
            yield from (Block(line, "item") for line in lines)
        else:
            yield from _items(lines, is_list=is_list)


def _items(lines: list[str], *, is_list: bool) -> Iterator[Block]:
    """Lines put together to a paragraph, and to items where lines begin one."""
    held: list[str] = []
    kind: Kind = "paragraph"
    for line in lines:
        if _begins_item(line, is_list=is_list):
            yield Block(" ".join(held), kind)
            held, kind = [_without_bullet(line)], "item"
        else:
            held.append(line)
    yield Block(" ".join(held), kind)


def _begins_item(line: str, *, is_list: bool) -> bool:
    """Whether a line begins with a bullet, or, in a list of references, with an author."""
    return (line[:1] in _BULLETS and line[1:2] == " ") or line[:1] in "•‣" or (is_list and bool(_AUTHOR.match(line)))


def _without_bullet(line: str) -> str:
    """What stands behind a bullet; a second one is the sign of a number ("- -5 %")."""
    return line[1:].lstrip() if line[:1] in _BULLETS else line


def _numbered(line: str) -> bool:
    head = line.split(maxsplit=1)[0]
    return (head[:1].isdigit() and head.rstrip(".)").isdigit()) or (head[:1] == "[" and head.strip("[].").isdigit())


def _markdown(text: str) -> Iterator[Block]:
    try:
        from markdown_it import MarkdownIt
    except ImportError as error:
        raise BackendError("reading Markdown needs markdown-it-py: pip install 'ragqa[check]'") from error
    notes = _FOOTNOTE.findall(text)
    text = _TO_FOOTNOTE.sub(r"[\1]", _FOOTNOTE.sub("", text))
    yield from _html(MarkdownIt("commonmark", {"html": False}).enable("table").render(text))
    if notes:
        yield Block("References", "heading")
        yield from (Block(f"[{number}] {words}", "item") for number, words in notes)


def _html(text: str) -> Iterator[Block]:
    try:
        from lxml import etree, html
    except ImportError as error:
        raise BackendError("reading HTML needs lxml: pip install 'ragqa[check]'") from error
    if not text.strip():
        return
    try:
        root = html.fromstring(_DECLARATION.sub("", text))
    except (etree.ParserError, ValueError):
        return
    for gone in [
        *root.iter("script", "style", "noscript", "template", "head", "nav", "svg", "footer", "button", etree.Comment)
    ]:
        if isinstance(gone, html.HtmlElement | html.HtmlComment) and gone.getparent() is not None:
            gone.drop_tree()
    for element in [one for one in root.iter() if "hidden" in one.attrib or _HIDDEN.search(one.get("style") or "")]:
        if isinstance(element, html.HtmlElement) and element.getparent() is not None:
            element.drop_tree()
    for element in [*root.iter("sup")]:
        _lower(element)
    yield from _of_element(root)


def _lower(element: "HtmlElement") -> None:
    """Write what an element raises in the line."""
    previous = element.getprevious()
    parent = element.getparent()
    if previous is not None:
        before = previous.tail or previous.text_content()
    else:
        before = (parent.text if parent is not None else "") or ""
    text = in_line(before, element.text_content())
    del element[:]
    element.text = text


_BLOCKS: dict[str, Kind] = {
    **{f"h{level}": "heading" for level in range(1, 7)},
    "p": "paragraph", "li": "item", "dd": "item", "dt": "heading", "td": "cell", "th": "heading", "pre": "code",
    "caption": "heading", "figcaption": "paragraph", "blockquote": "paragraph",
}  # fmt: skip
_HOLDS_BLOCKS = frozenset(
    {*_BLOCKS, "div", "section", "article", "main", "ul", "ol", "dl", "table", "thead", "tbody", "tfoot", "tr", "body"}
)


def _of_element(element: "object") -> Iterator[Block]:
    """The texts of an element in order; text that stands in no block of its own is a paragraph."""
    node: object = element
    tag = getattr(node, "tag", "")
    kind = _BLOCKS.get(tag if isinstance(tag, str) else "", "paragraph")
    loose: list[str] = [getattr(node, "text", None) or ""]
    for child in node:  # type: ignore[attr-defined]
        name = child.tag if isinstance(child.tag, str) else ""
        if name in _HOLDS_BLOCKS or child.xpath(".//p|.//li|.//div|.//table|.//h1|.//h2|.//h3"):
            yield Block("".join(loose), kind)
            loose = []
            yield from _of_element(child)
        elif name == "br":
            loose.append(" ")
        else:
            loose.append(child.text_content())
        loose.append(child.tail or "")
    yield Block("".join(loose), kind)


def _docx(content: bytes, name: str) -> Iterator[Block]:
    try:
        import docx
        from docx.text.paragraph import Paragraph
    except ImportError as error:
        raise BackendError("reading DOCX needs python-docx: pip install 'ragqa[check]'") from error
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package:
            _refuse_large(sum(part.file_size for part in package.infolist()), name)
        document = docx.Document(io.BytesIO(content))
        for item in document.iter_inner_content():
            if isinstance(item, Paragraph):
                style = (item.style.name or "").lower() if item.style is not None else ""
                kind: Kind = "heading" if style.startswith(("heading", "title")) else "paragraph"
                yield Block(_written(item), "item" if style.startswith("list") else kind)
            else:
                # A cell that spans several rows or columns is given for each of them.
                cells = {cell._tc: cell for row in item.rows for cell in row.cells}
                yield from (Block(" ".join(map(_written, cell.paragraphs)), "cell") for cell in cells.values())
    except SourceError:
        raise
    except Exception as error:  # whatever a damaged package or a broken part of it raises
        raise SourceError(f"{name} is no DOCX file, or is damaged: {error}; save it again") from error


def _refuse_large(n_bytes: int, name: str) -> None:
    if n_bytes > MOST_UNPACKED_BYTES:
        most = MOST_UNPACKED_BYTES >> 20
        raise SourceError(f"{name} holds {n_bytes >> 20} MiB when it is unpacked; at most {most} are read")


def _written(paragraph: "Paragraph") -> str:
    """The words of a paragraph, with what is raised in the line."""
    parts = [getattr(part, "runs", [part]) for part in paragraph.iter_inner_content()]  # a link has several
    text = ""
    for is_raised, runs in itertools.groupby(itertools.chain.from_iterable(parts), lambda run: run.font.superscript):
        piece = "".join(run.text for run in runs)
        text += in_line(text, piece) if is_raised else piece
    return text


def _pdf(content: bytes, name: str) -> Iterator[Block]:
    try:
        import pypdf
        from pypdf.errors import DependencyError
    except ImportError as error:
        raise BackendError("reading PDF needs pypdf: pip install 'ragqa[check]'") from error
    try:
        reader = pypdf.PdfReader(io.BytesIO(content))
        is_locked = reader.is_encrypted and not reader.decrypt("")
        pages = [] if is_locked else [page.extract_text() for page in reader.pages]
    except DependencyError as error:
        raise BackendError(f"reading {name} needs more than pypdf: {error}; install that, or save it again") from error
    except Exception as error:  # broken files raise anything, as pypdf.errors says
        raise SourceError(f"{name} is no PDF file, or is damaged: {one_line(str(error))}; save it again") from error
    if is_locked:
        raise SourceError(f"{name} is locked by a password; save it without one")
    if pages and sum(map(len, pages)) < _FEW_CHARACTERS_A_PAGE * len(pages):
        raise SourceError(
            f"{name} holds pictures of text ({counted(len(pages), 'page')}, "
            f"{counted(sum(map(len, pages)), 'character')}), as a scan does; "
            "run character recognition on it first, for example ocrmypdf"
        )
    yield from _text(_unbroken("\n".join(map(_with_headings, pages)).translate(_LIGATURES)))


def _unbroken(text: str) -> str:
    r"""Words that are broken at the end of a line, put together; a hyphen beside a number or a capital stays.

    >>> _unbroken("an ana-\nlysis of men aged 18-\n65 with non-\nHodgkin lym-\nphoma")
    'an analysis of men aged 18-65 with non-Hodgkin lymphoma'
    """
    return re.sub(r"(?<=\w)-\n(?=\w)", "-", re.sub(r"(?<=[^\W\d_])-\n(?=[a-z])", "", text))


def _with_headings(page: str) -> str:
    """A page whose lines are those of the print, with its headings between blank lines.

    A heading is a short line without a stop, before a line that begins a sentence, after one that ends one.
    """
    lines = [line.strip() for line in page.split("\n")]
    longest = max(map(len, lines), default=0)
    found: list[str] = []
    before = "."
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        is_heading = (
            line[:1].isupper()
            and (len(line) < longest * _SHORT_LINE or bool(_REFERENCES.match(line)))
            and line[-1] not in ".!?;,:)"
            and after[:1].isupper()
            and before[-1:] in ".!?:)"
        )
        found.append(f"\n{line}\n" if is_heading else line)
        before = "." if is_heading or not line else line
    return "\n".join(found)
