"""Published figures are complete and in ragqa's own terms."""

import pytest

from ragqa.errors import RecipeError
from ragqa.evaluate.measures.registry import declared
from ragqa.evaluate.report.published import published_figures
from ragqa.evaluate.tasks.registry import task_names
from ragqa.home import home


def test_every_figure_says_what_it_rests_on():
    figures = published_figures()
    assert figures
    for figure in figures:
        declared(figure.measure)
        assert figure.task in task_names()
        assert figure.source and 2015 <= figure.year <= 2030
        assert 0 < figure.value <= 1


def test_figures_are_chosen_by_task_part_and_setting():
    (bm25,) = [f for f in published_figures("beir", "scifact") if f.system.startswith("BM25")]
    assert (bm25.measure, bm25.value, bm25.corpus_size) == ("nDCG@10", 0.6789, 5183)
    assert {f.setting for f in published_figures("pubmedqa", setting="reasoning-required")} == {"reasoning-required"}


def test_an_own_file_takes_the_place_of_the_shipped_one_and_is_checked():
    path = home() / "eval" / "published.toml"
    path.parent.mkdir(parents=True)
    path.write_text("")
    assert published_figures() == ()
    path.write_text('[[figures]]\nsystem = "s"\ntask = "beir"\nvalue = 0.5\nyear = 2020\nsource = "p"\n')
    with pytest.raises(RecipeError, match="measure"):
        published_figures()
