from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragqa import home, recipe
from ragqa.errors import RecipeError, UsageError
from ragqa.recipe import Recipe


@pytest.mark.parametrize("name", home.recipe_names("indexes"))
def test_every_shipped_recipe_can_be_read_and_written_back(name: str) -> None:
    settings = recipe.load(home.recipe_path("indexes", name), Recipe)

    assert recipe.from_table(recipe.to_table(settings), Recipe) == settings


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"bm26": {}}, "unknown key 'bm26'; did you mean 'bm25'?"),
        ({"bm25": {"k_1": 1.0}}, "unknown key 'bm25.k_1'; did you mean 'k1'?"),
        ({"bm25": {"k1": -1.0}}, "bm25.k1: Expected `float` >= 0"),
        ({"bm25": {"k1": "high"}}, "bm25.k1: Expected `float`, got `str`"),
        ({"retrieve": {"fusion": "sum"}}, "retrieve.fusion: Invalid enum value 'sum'"),
        ({"retrieve": {"depth": 0}}, "retrieve.depth: Expected `int` >= 1"),
        ({"bm25": 3}, "bm25: Expected `object | null`, got `int`"),
    ],
)
def test_a_wrong_key_or_value_is_named(table: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError) as error:
        recipe.from_table(table, Recipe, "recipe x")

    assert str(error.value).startswith("recipe x: ")
    assert message in str(error.value)


@pytest.mark.parametrize("text", ["", "k1", "=1", "a..b=1", "corpus.x=1"])
def test_an_override_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(RecipeError):
        recipe.override({"corpus": "sample"}, [text])


@given(st.floats(0, 10), st.sampled_from(["convex", "rrf"]))
def test_overrides_are_read_as_toml_values(k1: float, fusion: str) -> None:
    table = recipe.override({}, [f"bm25.k1={k1:.6f}", f"retrieve.fusion={fusion}"])

    settings = recipe.from_table(table, Recipe)

    assert settings.bm25 is not None
    assert settings.bm25.k1 == pytest.approx(k1, abs=1e-6)
    assert settings.retrieve.fusion == fusion


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("bm25 = [")

    with pytest.raises(RecipeError, match=r"broken\.toml is not TOML"):
        recipe.load(path, Recipe)


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'bm25-anserini'"):
        home.recipe_path("indexes", "bm25-anserinni")


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 101, "a\0b"])
def test_a_product_name_stays_inside_its_folder(name: str) -> None:
    with pytest.raises(UsageError, match="is not a name"):
        home.product_path("indexes", name)
