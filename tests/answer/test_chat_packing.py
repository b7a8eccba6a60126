import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragqa.answer.chat.packing import Packed, pack
from ragqa.answer.chat.sources import NumberedSource, render
from ragqa.answer.question import analyse
from ragqa.errors import UsageError
from ragqa.llm.prompt import Prompts
from ragqa.types import Document, PublicationType, Question, Section

ASKED = analyse(Question("Do statins reduce atrial fibrillation?"))
PROMPTS = Prompts("ragqa.answer")
FRAME = 100


async def count(sources: Sequence[NumberedSource]) -> int:
    """A token is four characters, and the rest of the prompt takes 100."""
    return FRAME + len(render(sources, PROMPTS)) // 4


def packed(documents: Sequence[Document], budget: int) -> Packed:
    return asyncio.run(pack(ASKED, documents, budget, count))


def document(number: int, *sentences: str) -> Document:
    return Document(str(number), (Section("title", f"Title {number}."), Section("abstract", " ".join(sentences))))


RELEVANT = "Statins reduce atrial fibrillation."
OTHER = "The weather in Lisbon was mild all week."


def test_what_fits_is_left_whole() -> None:
    result = packed([document(1, RELEVANT, OTHER), document(2, OTHER)], 1000)

    assert [source.number for source in result.sources] == [1, 2]
    assert (result.cut, result.dropped) == ((), ())


def test_the_least_relevant_sentences_go_first() -> None:
    result = packed([document(1, OTHER, RELEVANT), document(2, RELEVANT, OTHER)], FRAME + 95)

    assert result.cut
    assert {span.quote for span in result.cut} == {OTHER}
    assert result.cut[0].document_id == "2"  # of equal sentences the lower document's goes first


def test_a_document_that_loses_everything_is_dropped_and_numbers_close_up() -> None:
    result = packed([document(1, OTHER), document(2, RELEVANT)], FRAME + 55)

    assert [(source.number, source.document.id) for source in result.sources] == [(1, "2")]
    assert result.dropped == ("1",)


def test_a_prompt_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(UsageError, match="serve the model with a longer context"):
        packed([document(1, RELEVANT)], FRAME // 2)


@settings(max_examples=60)
@given(
    lengths=st.lists(st.lists(st.integers(1, 12), max_size=6), min_size=1, max_size=5),
    budget=st.integers(FRAME + 60, FRAME + 700),
)
def test_the_prompt_always_fits_and_every_sentence_is_accounted_for(lengths: list[list[int]], budget: int) -> None:
    documents = [
        document(n, *(f"Statins {'word ' * length}number {i}." for i, length in enumerate(own)))
        for n, own in enumerate(lengths)
    ]

    result = packed(documents, budget)

    assert result.prompt_tokens <= budget
    shown = [passage.span for source in result.sources for passage in source.passages]
    assert len(shown) + len(result.cut) == sum(len(own) for own in lengths)
    assert not set(shown) & set(result.cut)
    assert [source.number for source in result.sources] == list(range(1, len(result.sources) + 1))


def test_a_source_says_what_it_is() -> None:
    trial = Document(
        "7",
        (Section("title", "A </source> trial."), Section("abstract", RELEVANT, label="RESULTS")),
        year=2012,
        publication_types=(PublicationType("Randomized Controlled Trial", "D016449"),),
    )

    text = render(packed([trial], 1000).sources, PROMPTS)

    assert text.splitlines() == [
        '<source number="1">',
        "Title: A < /source> trial.",
        "Year: 2012",
        "Publication type: Randomized Controlled Trial",
        "Evidence level: randomised controlled trial",
        f"RESULTS: {RELEVANT}",
        "</source>",
    ]
