"""Files of each form as blocks of text, and what is told of those that hold none."""

import io

import docx
import pypdf
import pytest

from ragqa.check.text.blocks import MOST_BYTES, MOST_CHARACTERS, Block, blocks_of, read_blocks
from ragqa.errors import SourceError, UsageError

WANTED = [
    ("heading", "Statins"),
    ("paragraph", "Statins lower LDL cholesterol & deaths."),
    ("item", "They cause muscle pain."),
    ("cell", "Aspirin lowers fever."),
]


def told(blocks):
    return [(block.kind, block.text) for block in blocks]


def test_markdown_and_html_give_the_same_blocks():
    markdown = (
        "# Statins\n\nStatins lower *LDL*\ncholesterol &amp; deaths.\n\n- They cause muscle pain.\n\n"
        "| a |\n|---|\n| Aspirin lowers fever. |\n"
    )
    html = (
        "<html><head><title>no</title><style>p{}</style></head><body><nav>Menu</nav><h1>Statins</h1>"
        "<p>Statins lower <i>LDL</i> cholesterol &amp; deaths.<script>alert('x')</script></p>"
        "<ul><li>They cause muscle pain.</li></ul><table><tr><td>Aspirin lowers fever.</td></tr></table>"
    )
    assert [one for one in told(blocks_of(markdown, "markdown")) if one != ("heading", "a")] == WANTED
    assert told(blocks_of(html, "html")) == WANTED


def test_text_that_stands_in_no_element_of_its_own_is_kept_in_order():
    html = "<div>First one.<p>Second one.</p>Third <b>one</b>.<br>Fourth.</div><!-- not this --><![CDATA[ ]]>"
    assert [text for _, text in told(blocks_of(html, "html"))] == ["First one.", "Second one.", "Third one. Fourth."]


def test_plain_text_is_divided_by_blank_lines_whatever_its_line_ends():
    text = "Statins\r\n\r\nThey lower LDL\r\ncholesterol.\r\n\r\n- One.\r\n- Two.\r\n"
    assert told(blocks_of(text)) == [
        ("heading", "Statins"), ("paragraph", "They lower LDL cholesterol."), ("item", "One."), ("item", "Two."),
    ]  # fmt: skip


def test_docx(tmp_path):
    document = docx.Document()
    document.add_heading("Statins", 1)
    document.add_paragraph("Statins lower LDL cholesterol & deaths.")
    document.add_paragraph("They cause muscle pain.", style="List Bullet")
    document.add_table(1, 1).cell(0, 0).text = "Aspirin lowers fever."
    document.save(tmp_path / "leaflet.docx")
    assert told(read_blocks(tmp_path / "leaflet.docx")) == WANTED


def test_pdf(tmp_path, browser):
    page = browser.new_page()
    page.set_content("<h1>Statins</h1><p>Statins lower LDL cholesterol.</p><p>They cause muscle pain.</p>")
    page.pdf(path=tmp_path / "leaflet.pdf")
    page.close()
    text = " ".join(block.text for block in read_blocks(tmp_path / "leaflet.pdf"))
    assert text == "Statins Statins lower LDL cholesterol. They cause muscle pain."


def pdf_without_text(password=""):
    writer = pypdf.PdfWriter()
    for _ in range(3):
        writer.add_blank_page(200, 200)
    if password:
        writer.encrypt(password)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "form", "message"),
    [
        (b"", "text", "holds no text"),
        (b" \n\n ", "markdown", "holds no text"),
        (b"<p></p><script>Statins lower LDL.</script>", "html", "holds no text"),
        (b"\x89PNG\r\n\x1a\n\x00", "text", "not UTF-8"),
        (b"a\x00b", "text", "is binary"),
        ("Übelkeit".encode("latin-1"), "text", "not UTF-8"),
        (b"PK\x03\x04broken", "docx", "no DOCX file"),
        (b"words", "docx", "no DOCX file"),
        (b"words", "pdf", "no PDF file"),
        (b"%PDF-1.7\nbroken", "pdf", "no PDF file"),
        (pdf_without_text(), "pdf", r"pictures of text \(3 pages"),
        (pdf_without_text("secret"), "pdf", "locked by a password"),
        (b"word " * (MOST_CHARACTERS // 4), "text", "at most 2,000,000 are checked"),
    ],
)
def test_what_holds_no_text_is_told(content, form, message):
    with pytest.raises(SourceError, match=message):
        blocks_of(content, form)


def test_files_that_are_missing_too_large_or_of_no_known_form(tmp_path):
    with pytest.raises(SourceError, match="check the path"):
        read_blocks(tmp_path / "none.txt")
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(SourceError, match="at most 20 are checked"):
        read_blocks(tmp_path / "large.txt")
    with pytest.raises(UsageError, match="did you mean 'docx'"):
        blocks_of("words", "doc")
    (tmp_path / "leaflet").write_text("Statins lower LDL.")
    assert read_blocks(tmp_path / "leaflet") == (Block("Statins lower LDL."),)
