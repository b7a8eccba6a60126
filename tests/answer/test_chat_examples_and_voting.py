import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.answer.chat.examples import Example, ExamplePool, load_examples
from ragqa.answer.chat.replies import Cited
from ragqa.answer.chat.voting import merge_answers, merge_items, orders, vote
from ragqa.errors import SourceError, UsageError
from ragqa.types import Question

POOL = [
    Example("1", "Do statins reduce atrial fibrillation?", "yesno", "yes", "dev"),
    Example("2", "Does atorvastatin prevent atrial fibrillation after surgery?", "yesno", "yes", "dev"),
    Example("3", "Is ginkgo useful in tinnitus?", "yesno", "no", "train"),
    Example("4", "Which gene is mutated in Rett syndrome?", "factoid", "MECP2", "dev"),
]


def test_the_nearest_comes_last_and_the_question_itself_never() -> None:
    asked = Question("do STATINS reduce atrial fibrillation ?")

    chosen = ExamplePool(POOL).nearest(asked, "yesno", 5)

    assert [example.id for example in chosen] == ["3", "2"]


def test_an_example_of_the_same_id_is_left_out() -> None:
    assert "2" not in {e.id for e in ExamplePool(POOL).nearest(Question("Atrial fibrillation?", "2"), "yesno", 5)}


def test_an_encoder_decides_nearness_where_there_is_one() -> None:
    def encode(texts: object) -> np.ndarray:
        return np.array([[1.0, 0.0] if "ginkgo" in text or "asked" in text else [0.0, 1.0] for text in texts])  # type: ignore[attr-defined]

    chosen = ExamplePool(POOL, encode).nearest(Question("asked"), "yesno", 1)

    assert [example.id for example in chosen] == ["3"]


@pytest.mark.parametrize(
    ("line", "error", "told"),
    [
        ({"split": "test"}, UsageError, "never from test data"),
        ({"split": None}, SourceError, "line 1"),
        ({"type": "essay"}, SourceError, "line 1"),
    ],
)
def test_bad_examples_are_refused(tmp_path: Path, line: dict[str, object], error: type[Exception], told: str) -> None:
    good = {"id": "1", "question": "Q?", "type": "yesno", "answer": "yes", "split": "dev"}
    path = tmp_path / "examples.jsonl"
    path.write_text(json.dumps(good | line))

    with pytest.raises(error, match=told):
        load_examples(path)


def test_a_missing_or_empty_file_of_examples(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    for name in ("absent", "empty"):
        with pytest.raises(SourceError):
            load_examples(tmp_path / name)


@given(st.lists(st.fixed_dictionaries({"yes": st.floats(0, 1), "no": st.floats(0, 1)}), min_size=2, max_size=9))
def test_shares_of_votes_add_up_to_one_and_the_first_has_most(ballots: list[dict[str, float]]) -> None:
    shares = vote(ballots)

    assert sum(shares.values()) == pytest.approx(1.0)
    assert next(iter(shares.values())) == max(shares.values())


def test_a_tie_goes_to_the_more_probable_label() -> None:
    shares = vote([{"yes": 0.51, "no": 0.49}, {"yes": 0.1, "no": 0.9}])

    assert next(iter(shares)) == "no"


def test_unreadable_ballots_do_not_vote() -> None:
    assert vote([{}, {"yes": 0.2, "no": 0.8}, {}]) == {"no": 0.8, "yes": 0.2}
    assert vote([{}]) == {}


def test_factoids_of_several_replies_are_united_by_rank() -> None:
    merged = merge_answers([[Cited("MECP2", (1,)), Cited("FMR1")], [Cited("mecp2.", (3,))], [Cited("FMR1", (2,))]])

    assert [(cited, round(score, 3)) for cited, score in merged] == [
        (Cited("MECP2", (1, 3)), 0.667),
        (Cited("FMR1", (2,)), 0.5),
    ]


def test_list_items_need_a_majority_of_samples_but_not_of_models() -> None:
    lists = [[Cited("a"), Cited("b")], [Cited("A"), Cited("c")], [Cited("a")]]

    assert [cited.text for cited, _ in merge_items(lists, majority=True)] == ["a"]
    assert {cited.text for cited, _ in merge_items(lists, majority=False)} == {"a", "b", "c"}


def test_orders_begin_with_the_given_one_and_repeat_with_the_seed() -> None:
    assert orders(4, 5, seed=1)[0] == [0, 1, 2, 3]
    assert orders(4, 5, seed=1) == orders(4, 5, seed=1)
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders(4, 5, seed=1))
