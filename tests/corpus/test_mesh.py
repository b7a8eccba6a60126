"""MeSH: headings, narrower ones and entry terms, in each kind of file."""

import gzip
from pathlib import Path

import pytest

from ragqa.corpus.mesh import Heading, Mesh
from ragqa.corpus.mesh_files import encode_mesh, open_kept_mesh, read_mesh
from ragqa.errors import ProductError, SourceError

HEADINGS = [
    Heading("Cardiovascular Diseases", "D002318", ("C14",)),
    Heading("Heart Diseases", "D006331", ("C14.280",), ("Cardiac Diseases", "Heart Disorders")),
    Heading("Arrhythmias, Cardiac", "D001145", ("C14.280.067", "C23.550.073"), ("Dysrhythmia, Cardiac",)),
    Heading("Atrial Fibrillation", "D001281", ("C14.280.067.198", "C23.550.073.198"), ("Auricular Fibrillation",)),
    Heading("Vascular Diseases", "D014652", ("C14.907",)),
]
RECORD = """\
<DescriptorRecord DescriptorClass="1">
  <DescriptorUI>{ui}</DescriptorUI>
  <DescriptorName><String>{name}</String></DescriptorName>
  <TreeNumberList>{numbers}</TreeNumberList>
  <ConceptList><Concept PreferredConceptYN="Y"><ConceptName><String>{name}</String></ConceptName><TermList>
    <Term ConceptPreferredTermYN="Y" IsPermutedTermYN="N" RecordPreferredTermYN="Y"><String>{name}</String></Term>
    <Term ConceptPreferredTermYN="N" IsPermutedTermYN="Y"><String>Turned, Round</String></Term>
  </TermList></Concept>
  <Concept PreferredConceptYN="N"><TermList>{terms}</TermList></Concept></ConceptList>
</DescriptorRecord>"""
TERM = '<Term ConceptPreferredTermYN="N" IsPermutedTermYN="N" RecordPreferredTermYN="N"><String>{}</String></Term>'


def descriptors(headings: list[Heading]) -> str:
    """Headings as NLM publishes them."""
    records = [
        RECORD.format(
            ui=one.ui,
            name=one.name.replace("&", "&amp;"),
            numbers="".join(f"<TreeNumber>{number}</TreeNumber>" for number in one.tree_numbers),
            terms="".join(TERM.format(term) for term in one.entry_terms),
        )
        for one in headings
    ]
    return f'<?xml version="1.0"?>\n<DescriptorRecordSet LanguageCode="eng">{"".join(records)}</DescriptorRecordSet>'


def test_narrower_headings_include_the_heading_itself() -> None:
    mesh = Mesh(HEADINGS)

    assert mesh.narrower_headings(["D006331"]) == {
        "Heart Diseases", "D006331", "Arrhythmias, Cardiac", "D001145", "Atrial Fibrillation", "D001281",
    }  # fmt: skip
    assert mesh.narrower_headings(["atrial fibrillation", "nothing"]) == {"Atrial Fibrillation", "D001281"}
    assert mesh.narrower_headings(["nothing"]) == frozenset()
    assert "Vascular Diseases" in mesh.narrower_headings(["Cardiovascular diseases"])


def test_a_heading_without_a_place_in_the_tree_is_known() -> None:
    mesh = Mesh([*HEADINGS, Heading("Male", "D008297")])

    assert "male" in mesh
    assert mesh.narrower_headings(["Male"]) == {"Male", "D008297"}


@pytest.mark.parametrize(
    ("term", "heading"),
    [
        ("auricular fibrillation", "Atrial Fibrillation"),
        ("Fibrillation, Auricular", "Atrial Fibrillation"),
        ("D001281", "Atrial Fibrillation"),
        ("arrhythmias, cardiac", "Arrhythmias, Cardiac"),
        ("Fibrillation", ""),
    ],
)
def test_an_entry_term_stands_for_its_heading(term: str, heading: str) -> None:
    assert Mesh(HEADINGS).heading_of(term) == heading


@pytest.mark.parametrize("packed", [False, True])
def test_descriptors_of_nlm_are_read_whole(tmp_path: Path, packed: bool) -> None:
    named = [*HEADINGS, Heading("Wounds & Injuries", "D014947", ("C26",), ("Trauma",))]
    text = descriptors(named).encode()
    path = tmp_path / "desc2026.xml"
    path.write_bytes(gzip.compress(text) if packed else text)

    assert read_mesh(path) == named


def test_trees_and_tables_are_read(tmp_path: Path) -> None:
    entries = [(number, one.ui, one.name) for one in HEADINGS for number in one.tree_numbers]
    nlm = tmp_path / "mtrees2026.bin"
    nlm.write_text("".join(f"{name};{number}\n" for number, _, name in entries))
    table = tmp_path / "tree.tsv"
    table.write_text("\ufeffTree Number\tDesc Ui\tTerm\n" + "".join("\t".join(entry) + "\n" for entry in entries))
    other_order = tmp_path / "other.tsv"
    other_order.write_text("".join(f"{ui}\t{name}\t{number}\n" for number, ui, name in entries))

    assert read_mesh(nlm) == [Heading(one.name, "", one.tree_numbers) for one in HEADINGS]
    for path in (table, other_order):
        assert read_mesh(path) == [Heading(one.name, one.ui, one.tree_numbers) for one in HEADINGS]


def test_what_a_corpus_keeps_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "mesh.jsonl"
    path.write_bytes(encode_mesh(HEADINGS))

    kept = open_kept_mesh(path, "build it again")

    assert sorted(kept.headings.values(), key=HEADINGS.index) == HEADINGS
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ProductError, match=r"damaged.*build it again"):
        open_kept_mesh(path, "build it again")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Body Regions;A01\nnonsense\n", "line 2"),
        ("only a header\n", "no heading of MeSH"),
        ("<DescriptorRecordSet></DescriptorRecordSet>", "no heading of MeSH"),
        (descriptors(HEADINGS)[:-300], "damaged.*fetch it again"),
        (
            '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><DescriptorRecordSet><DescriptorRecord>'
            "<DescriptorName><String>&f;</String></DescriptorName></DescriptorRecord></DescriptorRecordSet>",
            "no heading of MeSH",
        ),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad"
    path.write_text(text)

    with pytest.raises(SourceError, match=message):
        read_mesh(path)


@pytest.mark.parametrize(
    ("begin", "end", "message"),
    [(10, 18, "corrupt at its start"), (-8, -4, "corrupt within its headings"), (-4, None, "truncated")],
)
def test_a_packed_file_that_was_damaged_on_its_way_is_told(
    tmp_path: Path, begin: int, end: int | None, message: str
) -> None:
    many = [Heading(f"Heading {n}", f"D{n:06}", (f"A{n % 90 + 10}",)) for n in range(20_000)]
    packed = bytearray(gzip.compress(descriptors(many).encode()))
    packed[begin:end] = b"" if end is None else b"\xff" * (end - begin)
    path = tmp_path / "desc2026.gz"
    path.write_bytes(packed)

    with pytest.raises(SourceError, match=f"{message}.*fetch it again"):
        read_mesh(path)
