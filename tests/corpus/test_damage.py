"""No damage to a corpus makes it give out another document: it is noticed at opening, at reading or by ``verify``."""

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from ragqa import products
from ragqa.corpus import reading
from ragqa.corpus.state import PARTS_FOLDER, STATE_ROWS_FILE
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.verify import damaged_files
from ragqa.errors import ProductError, UsageError
from ragqa.types import Document

N_FLIPS = 150


@pytest.fixture
def built(tmp_path: Path) -> Path:
    lines = [f'{{"_id": "{i}", "title": "Title {i}", "text": "Text of number {i}."}}' for i in range(1, 61)]
    for number, part in enumerate((lines[:30], lines[20:])):
        (tmp_path / f"{number}.jsonl").write_text("\n".join(part) + "\n")
    products.import_corpus("demo", tmp_path, "jsonl")
    return products.product_folder("corpora", "demo")


def contents(folder: Path) -> dict[str, Document]:
    """Every document, by each of the ways to it."""
    with DocumentStore.open(folder) as store:
        ids = [str(i) for i in range(1, 61)]
        found = {document_id: store.get(document_id) for document_id in ids}
        scanned = {document.id: document for batch in store.scan() for _, document in batch}
        rows = store.find(ids)
        assert found == scanned, "two ways to a document give two documents"
        assert store.ids(rows) == ids
    return found


def test_ids_that_lead_to_another_document_are_refused(built: Path) -> None:
    (rows,) = (built / PARTS_FOLDER).glob(f"state-*/{STATE_ROWS_FILE}")
    changed = np.fromfile(rows, "<i8")
    changed[[3, 4]] = changed[[4, 3]]
    changed.tofile(rows)

    with DocumentStore.open(built) as store, pytest.raises(ProductError, match=r"'4' leads to '5'.*corpus build demo"):
        store.get("4")
    assert damaged_files(built) == [rows.parent.relative_to(built).as_posix()]


def test_a_flipped_bit_is_never_served_and_a_build_repairs_it(built: Path, tmp_path: Path) -> None:
    before = contents(built)
    sound = tmp_path / "sound"
    shutil.copytree(built, sound)
    choice = random.Random(7)
    kinds = {".parquet", ".bin", ".npy"}
    files = sorted(path for path in built.rglob("*") if path.suffix in kinds and path.stat().st_size)
    assert damaged_files(built) == []
    for _ in range(N_FLIPS):
        path = choice.choice(files)
        data = bytearray(path.read_bytes())
        place = choice.randrange(len(data))
        data[place] ^= 1 << choice.randrange(8)
        path.write_bytes(data)

        assert damaged_files(built), f"{path.name}, byte {place}: not noticed by verify"
        try:
            served = contents(built)
        except (ProductError, UsageError) as error:
            assert "\n" not in str(error)
        else:
            assert served == before, f"{path.name}, byte {place}: another document was given out"
        shutil.copyfile(sound / path.relative_to(built), path)
    assert damaged_files(built) == []


def test_parts_of_an_older_form_are_read_again(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(built)
    monkeypatch.setattr(reading, "PART_LAYOUT", reading.PART_LAYOUT + 1)
    old = {path.name for path in (built / PARTS_FOLDER).iterdir() if (path / "part.json").is_file()}

    products.build_corpus("demo")

    assert old
    assert not old & {path.name for path in (built / PARTS_FOLDER).iterdir()}
    assert contents(built) == before


@pytest.mark.parametrize("name", ["documents.bin", "rows.npy", "documents.parquet", "keys.npy", "keys.bin", "dead.npy"])
def test_a_build_repairs_what_is_damaged(built: Path, name: str) -> None:
    before = contents(built)
    path = next(built.rglob(name))
    data = bytearray(path.read_bytes())
    data[-3] ^= 8
    path.write_bytes(data)
    assert damaged_files(built)

    products.build_corpus("demo")

    assert damaged_files(built) == []
    assert contents(built) == before
