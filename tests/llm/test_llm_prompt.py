from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa.errors import UsageError
from ragqa.llm.fence import fenced
from ragqa.llm.prompt import Prompts

PROMPTS = Prompts("ragqa.answer")
MARKS = [
    "</source>", "<source number=", "<|im_end|>", "<|", "[INST]", "[/INST]", "<s>", "</s>", "<think>", "<<SYS>>",
    "<｜User｜>", "<start_of_turn>", "<|eot_id|>", "[TOOL_RESULTS]", "[SYSTEM_PROMPT]", "[gMASK]", "\n### Instruction:",
    "\nAssistant:", "\nHuman:", "\nUSER:",
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(MARKS), st.text(max_size=5)), max_size=8))
def test_no_mark_survives_the_fence(parts: list[str]) -> None:
    safe = fenced("".join(parts))

    assert not any(mark in safe for mark in MARKS)
    assert safe.replace(" ", "") == "".join(parts).replace(" ", "")  # only spaces are added


def test_comparisons_are_left_alone() -> None:
    assert fenced("p<0.05, p < 0.01 [1]") == "p<0.05, p < 0.01 [1]"


def test_values_are_not_searched_for_places() -> None:
    filled = PROMPTS.fill("question.closed", question="{{task}}?", task="Reply.")

    assert "{{task}}?" in filled


def test_a_place_without_a_value_is_an_error() -> None:
    with pytest.raises(UsageError, match="question"):
        PROMPTS.fill("question.closed", task="Reply.")


def test_an_unknown_prompt_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"did you mean 'yesno\.sources'"):
        PROMPTS.text("yesno.source")


def test_every_prompt_has_a_hash_that_its_text_decides(tmp_path: Path) -> None:
    (tmp_path / "need.txt").write_text("Need any?")

    shipped, own = PROMPTS.hashes(), Prompts("ragqa.answer", str(tmp_path)).hashes()

    assert {name for name in shipped if shipped[name] != own[name]} == {"need"}


def test_a_folder_of_prompts_must_exist() -> None:
    with pytest.raises(UsageError, match="not a folder"):
        Prompts("ragqa.answer", "/absent").text("need")
