"""1,000 damaged bytes over all files of a corpus and its index, 500 with each engine.

Each is noticed, and none changes what a document says.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

import ragqa
from ragqa import products
from ragqa.errors import RagqaError
from ragqa.index.vectors import VectorStore, text_key
from ragqa.types import Document, Filter

N_FLIPS, N_REPAIRS = 500, 15
N_DOCUMENTS = 40
WORDS = ("statin", "asthma", "stroke", "sleep", "insulin", "biopsy")
DIM = 32
LEFT_ASIDE = {".toml", ".sqlite"}
"""Recipes belong to the user; the store of vectors has a test of its own."""


@pytest.fixture(params=["lucene", "rank-bm25"])
def home(request, tmp_path: Path, tiny_model) -> Path:
    """A corpus of two parts with dead rows, and an index of two segments with vectors."""
    source = tmp_path / "source"
    source.mkdir()
    recipe = tmp_path / "own.toml"
    recipe.write_text(
        f'[bm25]\nengine = "{request.param}"\n[dense]\nencoder = "{tiny_model("mean")}"\nprecision = "fp32"\n'
    )

    def put(name: str, *records: str) -> None:
        (source / name).write_text(f"<PubmedArticleSet>{''.join(records)}</PubmedArticleSet>")
        products.import_corpus("living", source, "pubmed-xml")

    put("1.xml", *(article(i) for i in range(1, N_DOCUMENTS + 1)))
    products.build_index("living", str(recipe))
    put(
        "2.xml",
        article(3, "revised"),
        article(99, "notice", retracts=5),
        "<DeleteCitation><PMID>7</PMID></DeleteCitation>",
    )
    products.update_index("living")
    return tmp_path / "home"


def article(pmid: int, more: str = "", retracts: int = 0) -> str:
    word, other = WORDS[pmid % 6], WORDS[pmid * 5 % 6]
    link = (
        f'<CommentsCorrectionsList><CommentsCorrections RefType="RetractionOf"><PMID>{retracts}</PMID>'
        "</CommentsCorrections></CommentsCorrectionsList>"
        if retracts
        else ""
    )
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID><Article><ArticleTitle>Trial {pmid} of {word} '
        f"{more}</ArticleTitle><Abstract><AbstractText>Number{pmid} compared {word} with {other}.</AbstractText>"
        f"</Abstract></Article>{link}</MedlineCitation></PubmedArticle>"
    )


def damages(home: Path, n: int) -> Iterator[tuple[Path, int, bytes]]:
    """Damages one byte of one file at a time, and mends it afterwards."""
    noise = random.Random(11)
    files = [
        path
        for path in sorted(home.rglob("*"))
        if path.is_file() and path.suffix not in LEFT_ASIDE and path.name != ".lock"
    ]
    contents = {path: path.read_bytes() for path in files}
    files = [path for path in files if contents[path]]
    for _ in range(n):
        path = noise.choice([path for path in files if path.exists()])  # a repair may give a file another name
        place = noise.randrange(len(contents[path]))
        data = bytearray(contents[path])
        data[place] ^= noise.randrange(1, 256)
        path.write_bytes(data)
        yield path, place, contents[path]
        if path.exists():
            path.write_bytes(contents[path])


def noticed(path: Path, before: bytes) -> bool:
    """Whether ``corpus verify`` or ``index verify`` tells of the damage, or a file says the same in spite of it."""
    if path.suffix == ".json":
        try:
            if json.loads(path.read_bytes()) == json.loads(before):
                return True
        except ValueError:
            pass
    try:
        return bool(products.verify_corpus("living") or products.verify_index("living")[1])
    except RagqaError as error:
        assert "\n" not in str(error)
        return True


def served() -> dict[str, Document]:
    """The documents that are found, looked up and listed, by id."""
    found: dict[str, Document] = {}
    with ragqa.open("living") as engine:
        for word in WORDS:
            for allowed in (Filter(), Filter(not_retracted=True)):
                for hit in engine.search(f"trial of {word}", k=8, allowed=allowed):
                    document = engine.store.get(hit.document_id)
                    assert engine.store.ids([hit.row]) == [document.id]
                    found[document.id] = document
        for number in (1, 3, 5, 40, 99):
            found[str(number)] = engine.store.get(str(number))
        for allowed in (Filter(), Filter(not_retracted=True)):
            for document in engine.store.read(engine.store.mask(allowed).nonzero()[0]):
                found[document.id] = document
    return found


def test_damage_is_noticed_and_never_served(home: Path) -> None:
    before = served()
    n_refused = 0
    for path, place, content in damages(home, N_FLIPS):
        where = f"{path.relative_to(home)}, byte {place}"
        assert noticed(path, content), where
        try:
            after = served()
        except RagqaError as error:
            assert "\n" not in str(error), where
            n_refused += 1
        else:
            assert all(document == before[document_id] for document_id, document in after.items()), where
    assert n_refused > N_FLIPS // 10


def test_builds_repair_what_is_damaged(home: Path) -> None:
    before = served()
    for path, place, _ in damages(home, N_REPAIRS):
        where = f"{path.relative_to(home)}, byte {place}"
        products.build_corpus("living")
        products.build_index("living", str(home.parent / "own.toml"))
        assert served() == before, where
        assert not products.verify_corpus("living"), where
        assert not products.verify_index("living")[1], where


def test_vectors_that_are_damaged_are_not_used(home: Path) -> None:
    (path,) = home.rglob("*.sqlite")
    whole = path.read_bytes()
    with products.open_store("living") as store:
        keys = [text_key(document) for batch in store.scan() for _, document in batch]
    with VectorStore(path, DIM) as vectors:
        expected = {key: found.tobytes() for key, found in zip(keys, vectors.get(keys), strict=True)}
    noise = random.Random(3)
    for _ in range(200):
        data = bytearray(whole)
        data[noise.randrange(len(data))] ^= noise.randrange(1, 256)
        path.write_bytes(data)
        try:
            with VectorStore(path, DIM) as vectors:
                lost = set(vectors.missing(keys))
                rest = [key for place, key in enumerate(keys) if place not in lost]
                found = vectors.get(rest)
        except RagqaError as error:
            assert "\n" not in str(error)
            continue
        assert [one.tobytes() for one in found] == [expected[key] for key in rest]
