"""Files of each form as blocks of text, and what is told of those that hold none."""

import io
import zipfile

import docx
import pypdf
import pytest

from ragqa.check.text.blocks import MOST_BYTES, MOST_CHARACTERS, MOST_UNPACKED_BYTES, Block, blocks_of, read_blocks
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


def printed(lines):
    """A PDF file of one page; the font has joined letters, as those of typesetters have."""
    joined = {"\ufb00": "\\001", "\ufb01": "\\002"}
    shown = "".join(f"({line}) ' " for line in lines.split("\n"))
    for sign, code in joined.items():
        shown = shown.replace(sign, code)
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(600, 800)
    name, array = pypdf.generic.NameObject, pypdf.generic.ArrayObject
    codes = array([pypdf.generic.NumberObject(1), name("/ff"), name("/fi")])
    encoding = {"/Type": name("/Encoding"), "/BaseEncoding": name("/WinAnsiEncoding"), "/Differences": codes}
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    page[name("/Resources")] = dictionary(
        {
            "/Font": dictionary(
                {"/F1": dictionary({**{k: name(v) for k, v in font.items()}, "/Encoding": dictionary(encoding)})}
            )
        }
    )
    stream = pypdf.generic.DecodedStreamObject()
    stream.set_data(f"BT /F1 10 Tf 12 TL 20 780 Td {shown} ET".encode())
    page[name("/Contents")] = writer._add_object(stream)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def dictionary(entries):
    return pypdf.generic.DictionaryObject({pypdf.generic.NameObject(key): value for key, value in entries.items()})


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


def test_items_stand_apart_from_the_line_before_them_and_bold_marks_are_not_words():
    text = "Do not take it if you:\n- are pregnant\n- drink\n\n1. **Headache**: Melatonin helps."
    assert told(blocks_of(text)) == [
        ("paragraph", "Do not take it if you:"),
        ("item", "are pregnant"),
        ("item", "drink"),
        ("item", "1. Headache: Melatonin helps."),
    ]


def test_entries_of_a_list_of_references_need_no_blank_lines_between():
    text = "References\n\nPoli A, Re B. Statins in\nstroke. BMJ. 2003.\nSmith JA. Aspirin. Lancet. 2004."
    assert told(blocks_of(text)) == [
        ("heading", "References"),
        ("item", "Poli A, Re B. Statins in stroke. BMJ. 2003."),
        ("item", "Smith JA. Aspirin. Lancet. 2004."),
    ]


def test_footnotes_of_markdown_are_references():
    assert told(blocks_of("Statins lower LDL.[^1]\n\n[^1]: Poli A. Statins. BMJ 2003.", "markdown")) == [
        ("paragraph", "Statins lower LDL.[1]"),
        ("heading", "References"),
        ("item", "[1] Poli A. Statins. BMJ 2003."),
    ]


@pytest.mark.parametrize(
    "hidden",
    [
        '<p style="color: red; Display : None">Statins cause autism.</p>',
        "<p hidden>Statins cause autism.</p>",
        "<footer>Statins cause autism.</footer>",
    ],
)
def test_what_a_page_does_not_show_as_its_text_is_not_read(hidden):
    assert told(blocks_of(f"<h1>A</h1><p>Statins lower LDL.</p>{hidden}", "html")) == [
        ("heading", "A"),
        ("paragraph", "Statins lower LDL."),
    ]


def test_headings_and_joined_letters_of_a_print_are_told_apart():
    page = (
        "Statins\nTheir most common side e\ufb00ect is a pain of the muscles, which is of\n"
        "little signi\ufb01cance to most.\n"
        "References\nPoli A. Statins in stroke, a trial of the years before 2003. BMJ. 2003.\nRe B. Aspirin. BMJ. 2004."
    )
    assert told(blocks_of(printed(page), "pdf")) == [
        ("heading", "Statins"),
        (
            "paragraph",
            "Their most common side effect is a pain of the muscles, which is of little significance to most.",
        ),
        ("heading", "References"),
        ("item", "Poli A. Statins in stroke, a trial of the years before 2003. BMJ. 2003."),
        ("item", "Re B. Aspirin. BMJ. 2004."),
    ]


def test_a_page_that_declares_itself_as_xml_is_read():
    page = '<?xml version="1.0" encoding="UTF-8"?>\n<html><body><p>Statins lower LDL cholesterol.</p></body></html>'
    assert told(blocks_of(page.encode(), "html")) == [("paragraph", "Statins lower LDL cholesterol.")]


def test_raised_figures_do_not_run_into_numbers_and_raised_numbers_refer_to_sources():
    page = (
        "<p>Heparin halved <i>platelets</i> to 10<sup>9</sup>/L.<sup><a href='#r'>3</a>,4</sup> They rose<sup>5</sup> "
    )
    page += "again.</p>"
    document = docx.Document()
    paragraph = document.add_paragraph("Heparin halved platelets to ")
    for text in ("10", "^9", "/L.", "^3", "^,4", " They rose", "^5", " again."):
        paragraph.add_run(text.lstrip("^")).font.superscript = text.startswith("^")
    file = io.BytesIO()
    document.save(file)
    wanted = [("paragraph", "Heparin halved platelets to 10^9/L.[3,4] They rose[5] again.")]
    assert told(blocks_of(page, "html")) == wanted
    assert told(blocks_of(file.getvalue(), "docx")) == wanted


def test_a_cell_that_spans_several_columns_is_read_once():
    document = docx.Document()
    table = document.add_table(2, 3)
    table.cell(0, 0).merge(table.cell(0, 2)).text = "Aspirin lowers fever."
    table.cell(1, 1).text = "It thins blood."
    file = io.BytesIO()
    document.save(file)
    assert told(blocks_of(file.getvalue(), "docx")) == [("cell", "Aspirin lowers fever."), ("cell", "It thins blood.")]


@pytest.mark.parametrize("part", ["[Content_Types].xml", "word/document.xml", "word/styles.xml"])
def test_a_docx_file_with_a_damaged_part_is_told(part):
    file, damaged = io.BytesIO(), io.BytesIO()
    docx.Document().save(file)
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(damaged, "w") as broken:
        for name in whole.namelist():
            broken.writestr(name, b"<broken" if name == part else whole.read(name))
    with pytest.raises(SourceError, match="no DOCX file, or is damaged"):
        blocks_of(damaged.getvalue(), "docx")


def test_the_sign_of_a_number_is_no_bullet():
    assert [text for _, text in told(blocks_of("Change of LDL:\n- -0.5 mmol/L with statins\n* +0.1 without"))] == [
        "Change of LDL:", "-0.5 mmol/L with statins", "+0.1 without",
    ]  # fmt: skip


def test_numbers_on_both_sides_of_a_line_end_of_a_print_stay_two():
    page = "Men of 18-\n65 years with non-\nHodgkin lym-\nphoma lived longer with it than they did without."
    assert told(blocks_of(printed(page), "pdf")) == [
        ("paragraph", "Men of 18-65 years with non-Hodgkin lymphoma lived longer with it than they did without."),
    ]


def test_a_docx_file_that_unpacks_to_far_more_than_it_holds_is_refused():
    file = io.BytesIO()
    docx.Document().save(file)
    with (
        zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as package,
        package.open("word/media/large.bin", "w") as part,
    ):
        for _ in range((MOST_UNPACKED_BYTES >> 20) + 1):
            part.write(bytes(1 << 20))
    assert len(file.getvalue()) < MOST_BYTES
    with pytest.raises(SourceError, match="MiB when it is unpacked; at most 200 are read"):
        blocks_of(file.getvalue(), "docx")
