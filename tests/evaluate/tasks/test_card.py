"""The cards of tasks: complete, and the way to the data of each."""

import pytest

from ragqa.errors import RecipeError, UsageError
from ragqa.evaluate.tasks.card import data_folder, fetch_task, load_card
from ragqa.evaluate.tasks.registry import task_names
from ragqa.home import home


class TestCards:
    @pytest.mark.parametrize("name", task_names())
    def test_every_task_has_a_card_and_a_way_to_its_data(self, name):
        assert name in task_names()
        card = load_card(name)
        assert card.files or card.steps or name in {"sample", "unanswerable"}
        assert all(len(text) > 20 for text in (card.purpose, card.construct, card.contamination, card.intended_use))
        assert card.title and card.measures and card.licence and card.size and card.official_measure
        assert len({file.name for file in card.files}) == len(card.files)

    def test_registration_is_explained(self):
        with pytest.raises(UsageError, match=r"\(1\) Register at http://participants-area\.bioasq\.org"):
            fetch_task("bioasq")

    def test_a_part_is_fetched_into_the_home_folder(self, tmp_path):
        (tmp_path / "set.bin").write_bytes(b"data")
        cards = home() / "eval" / "tasks"
        cards.mkdir(parents=True)
        needed = ("title", "measures", "source", "licence", "size", "official_measure", "purpose", "construct")
        needed += ("contamination", "intended_use", "limits")
        text = "".join(f'{name} = "x"\n' for name in needed)
        for part in ("a", "b"):
            text += f'[[files]]\npart = "{part}"\nname = "{part}/set.bin"\nurl = "{(tmp_path / "set.bin").as_uri()}"\n'
        (cards / "own.toml").write_text(text)

        assert fetch_task("own", "a") == [data_folder("own") / "a" / "set.bin"]
        with pytest.raises(UsageError, match="no part 'c'"):
            fetch_task("own", "c")

        (cards / "own.toml").write_text(text.replace("part =", "prat ="))
        with pytest.raises(RecipeError, match="did you mean 'part'"):
            load_card("own")
