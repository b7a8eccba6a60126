"""How frequent words are, put together from segments."""

import pytest

from ragqa.index.word_counts import WordCounts


def counts(*texts: str) -> WordCounts:
    made = WordCounts()
    for text in texts:
        made.add(text)
    return made


def test_a_small_segment_counts_as_many_documents_as_it_has() -> None:
    # Of 1,000 documents one in ten was counted; of the 20 of an update all were.
    base = ["aspirin trial"] * 40 + ["statin trial"] * 60
    update = ["covid trial"] * 20

    words = WordCounts.together([(counts(*base), 1_000), (counts(*update), 20)])

    known = ["aspirin", "statin", "covid", "trial", "unheard"]
    assert words.weights(known) == pytest.approx(counts(*base, *update[:2]).weights(known))


def test_one_segment_counts_as_it_is_and_none_counts_nothing() -> None:
    one = counts("aspirin trial", "statin trial")

    assert WordCounts.together([(one, 200), (counts(), 0)]).weights(["trial", "statin"]) == one.weights(
        ["trial", "statin"]
    )
    assert WordCounts.together([]).weights(["trial"]) == counts().weights(["trial"])
