"""The searches made for a reader: each is kept, and together they are one list."""

from ragqa.retrieve.trail import Trail
from ragqa.types import Document, Hit, SearchStep

FOUND = {"heart": ["1", "2", "3"], "lung": ["3", "4", "1"]}


def fetch(query: str, k: int) -> tuple[list[Hit], list[Document]]:
    ids = FOUND[query][:k]
    return [Hit(one, int(one), rank, 9.0 - rank) for rank, one in enumerate(ids, start=1)], [Document(i) for i in ids]


def test_documents_come_once_in_the_order_in_which_they_were_found() -> None:
    trail = Trail(fetch)

    trail.search("heart", 2)
    found = trail.search("lung", 3)

    hits, documents = trail.merged()
    assert [document.id for document in found.documents] == ["3", "4", "1"]
    assert trail.steps == [SearchStep("heart", ("1", "2")), SearchStep("lung", ("3", "4", "1"))]
    assert [hit.document_id for hit in hits] == [document.id for document in documents] == ["1", "2", "3", "4"]
    assert [hit.rank for hit in hits] == [1, 2, 3, 4]
    assert sorted((hit.score for hit in hits), reverse=True) == [hit.score for hit in hits]


def test_documents_left_out_make_room_for_others() -> None:
    trail = Trail(fetch)

    first = trail.search("heart", 2)
    second = trail.search("lung", 2, without=[document.id for document in first.documents])

    assert [document.id for document in second.documents] == ["3", "4"]
    assert trail.steps[1].document_ids == ("3", "4")
