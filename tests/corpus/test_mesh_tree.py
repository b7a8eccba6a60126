"""The MeSH tree in both kinds of files."""

from pathlib import Path

import pytest

from ragqa.corpus.mesh_tree import MeshTree, read_mesh_tree
from ragqa.errors import SourceError

ENTRIES = [
    ("C14", "D002318", "Cardiovascular Diseases"),
    ("C14.280", "D006331", "Heart Diseases"),
    ("C14.280.067", "D001145", "Arrhythmias, Cardiac"),
    ("C14.280.067.198", "D001281", "Atrial Fibrillation"),
    ("C14.907", "D014652", "Vascular Diseases"),
    ("C23.550.073", "D001145", "Arrhythmias, Cardiac"),
    ("C23.550.073.198", "D001281", "Atrial Fibrillation"),
]


def test_narrower_headings_include_the_heading_itself() -> None:
    tree = MeshTree(ENTRIES)

    assert tree.narrower_headings(["D006331"]) == {
        "Heart Diseases", "D006331", "Arrhythmias, Cardiac", "D001145", "Atrial Fibrillation", "D001281",
    }  # fmt: skip
    assert tree.narrower_headings(["atrial fibrillation", "nothing"]) == {"Atrial Fibrillation", "D001281"}
    assert tree.narrower_headings(["nothing"]) == frozenset()
    assert "Vascular Diseases" in tree.narrower_headings(["Cardiovascular diseases"])


def test_both_kinds_of_files_are_read(tmp_path: Path) -> None:
    nlm = tmp_path / "mtrees2026.bin"
    nlm.write_text("".join(f"{heading};{number}\n" for number, _, heading in ENTRIES))
    table = tmp_path / "tree.tsv"
    table.write_text("\ufeffTree Number\tDesc Ui\tTerm\n" + "".join("\t".join(entry) + "\n" for entry in ENTRIES))
    other_order = tmp_path / "other.tsv"
    other_order.write_text("".join(f"{ui}\t{heading}\t{number}\n" for number, ui, heading in ENTRIES))

    names = {heading for _, _, heading in ENTRIES} - {"Vascular Diseases"} - {"Cardiovascular Diseases"}
    assert read_mesh_tree(nlm).narrower_headings(["Heart Diseases"]) == names
    for path in (table, other_order):
        assert read_mesh_tree(path).narrower_headings(["D006331"]) > names
        assert len(read_mesh_tree(path)) == len(ENTRIES)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.bin"
    path.write_text("Body Regions;A01\nnonsense\n")
    with pytest.raises(SourceError, match="line 2"):
        read_mesh_tree(path)
    path.write_text("only a header\n")
    with pytest.raises(SourceError, match="no entry"):
        read_mesh_tree(path)
