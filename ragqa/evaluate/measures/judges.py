"""Judges by name: an entailment model, or ``llm`` for a language model behind an OpenAI-compatible endpoint."""

from collections.abc import Sequence

from ragqa import recipe
from ragqa.errors import UsageError
from ragqa.evaluate.measures.entailment import EntailmentModel, entailment_model
from ragqa.evaluate.measures.facts import FactJudge, PassageJudge
from ragqa.evaluate.measures.language_judge import LanguageJudge
from ragqa.recipe import Recipe

LLM = "llm"


def open_judge(name: str, overrides: Sequence[str] = ()) -> FactJudge:
    """The judge called ``name``.

    Parameters
    ----------
    name
        An entailment model, each passage being asked by itself, or ``llm``.
    overrides
        For ``llm``, where it answers and how it is called: ``answer.chat.base_url=http://127.0.0.1:8001/v1`` and the
        other settings of :class:`ragqa.recipe.ChatSettings`.

    Raises
    ------
    UsageError
        There is no such judge, or there are overrides for one that takes none.
    EndpointError
        The language model cannot be reached.
    """
    model = open_entailment(name, overrides)
    return model if isinstance(model, LanguageJudge) else PassageJudge(model)


def open_entailment(name: str, overrides: Sequence[str] = ()) -> EntailmentModel:
    """The judge as an entailment model, for pairs of a premise and a hypothesis; as :func:`open_judge`."""
    if name == LLM:
        settings = recipe.from_table(recipe.override({}, overrides), Recipe, "--set")
        return LanguageJudge.open(settings.answer.chat)
    if overrides:
        raise UsageError(
            f"{overrides[0]!r} is a setting of a language model, and the judge {name!r} is none; leave --set out, or "
            "take --judge llm"
        )
    return entailment_model(name)
