"""A language model behind an OpenAI-compatible endpoint as judge of statements, and of two answers against each other.

Its name tells the model and a hash of the prompts and settings, since each of them changes its judgements. A reply that
cannot be read, or was cut off, and an endpoint that does not answer become errors of the one judgement, which whoever
asked counts; they never end the others.
"""

import asyncio
import json
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ragqa.corpus.sentences import split_sentences
from ragqa.errors import EndpointError, UsageError
from ragqa.evaluate.measures.entailment import Judgement
from ragqa.evaluate.measures.facts import Claim, Split
from ragqa.llm import loop
from ragqa.llm.endpoint import EndpointModel
from ragqa.llm.fence import fenced
from ragqa.llm.model import Completion, LanguageModel, Message, Request
from ragqa.llm.prompt import Prompts
from ragqa.manifest import content_hash
from ragqa.recipe import ChatSettings

T = TypeVar("T")
FIRST, SECOND, TIE = "first", "second", "tie"
NO_ANSWER = "(no answer was given)"
_PACKAGE = "ragqa.evaluate.measures"
_YES, _NO = "yes", "no"
_PROMPT_TOKENS = 400
_CHARACTERS_PER_TOKEN = 2.5
_MOST_FACTS = 20
_FACTS_SCHEMA = {
    "type": "object",
    "properties": {
        "facts": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 400},
            "minItems": 1,
            "maxItems": _MOST_FACTS,
        }
    },
    "required": ["facts"],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Rivals:
    """Two answers to a question as they are shown, "" for none, and reference text to judge them by ("": none)."""

    question: str
    first: str
    second: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Preference:
    """``first``, ``second`` or ``tie``; "" with the ``error``, where ``failed`` tells that asking again may help."""

    verdict: str
    error: str = ""
    failed: bool = False


class LanguageJudge:
    """A judge of statements, of sentences' facts, and of pairs of answers; also a graded entailment model.

    Open it with :meth:`open`. ``name`` is for example ``Qwen/Qwen3-8B@1f0c2a9e``.
    """

    def __init__(self, model: LanguageModel, name: str, n_characters: int, prompts: Prompts) -> None:
        self.name = name
        self.prompts = prompts
        self._model = model
        self._n_characters = n_characters

    @classmethod
    def open(cls, settings: ChatSettings) -> "LanguageJudge":
        """The judge behind an endpoint, which is asked which model it serves and how long its context is.

        Raises
        ------
        EndpointError
            It cannot be reached.
        UsageError
            It does not serve the model, or the context leaves no room beside the reply.
        """
        model = EndpointModel(settings)
        context = loop.run(model.context_length())
        room = context - settings.max_tokens - _PROMPT_TOKENS
        if room <= 0:
            raise UsageError(
                f"the context of {model.name!r} is {context:,} tokens, of which answer.chat.max_tokens = "
                f"{settings.max_tokens:,} are kept for the reply: nothing is left to read; lower answer.chat.max_tokens"
            )
        prompts = Prompts(_PACKAGE, settings.prompts)
        sampling = [settings.temperature, settings.seed, settings.max_tokens, settings.structured_output, context]
        name = f"{model.name}@{content_hash([prompts.hashes(), sampling])[:8]}"
        return cls(model, name, int(room * _CHARACTERS_PER_TOKEN), prompts)

    def judge(self, claims: Sequence[Claim]) -> list[Judgement]:
        """Judge each statement by all of its passages at once; those that do not fit are left out and counted."""
        return loop.run(_gathered([self._judged(claim) for claim in claims]))

    def judgements(self, pairs: Sequence[tuple[str, str]]) -> list[Judgement]:
        """Judge (premise, hypothesis) pairs; see :class:`ragqa.evaluate.measures.entailment.GradedEntailment`."""
        return self.judge([Claim(hypothesis, (premise,)) for premise, hypothesis in pairs])

    def entails(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        """Judge (premise, hypothesis) pairs; what could not be judged is not entailed."""
        return [found.entailed for found in self.judgements(pairs)]

    def split(self, sentences: Sequence[str]) -> list[Split]:
        """The atomic facts of each sentence."""
        return loop.run(_gathered([self._split(sentence) for sentence in sentences]))

    def prefer(self, rivals: Sequence[Rivals]) -> list[Preference]:
        """Which of two answers is better, as they are shown: whoever asks swaps them and asks again."""
        return loop.run(_gathered([self._preferred(one) for one in rivals]))

    async def _judged(self, claim: Claim) -> Judgement:
        passages, n_cut = _fitting(claim.passages, self._n_characters - len(claim.text) - len(claim.question))
        if not passages:
            why = "the judge has no room for any passage" if claim.passages else ""
            return Judgement(False, 0.0, why, n_cut=n_cut)
        part_of = f"\nThe statement is part of an answer to this question: {fenced(claim.question)}\n"
        prompt = self.prompts.fill(
            "claim",
            sources="\n".join(
                f'<source number="{number}">\n{fenced(text)}\n</source>'
                for number, text in enumerate(passages, start=1)
            ),
            question=part_of if claim.question else "",
            statement=fenced(claim.text),
        )
        try:
            completion = await self._model.complete(_request(prompt, choices=(_YES, _NO)))
        except EndpointError as error:
            return Judgement(False, 0.0, str(error), failed=True, n_cut=n_cut)
        said, wrong = _chosen(completion, (_YES, _NO))
        strength = completion.choice_probabilities.get(_YES, float(said == _YES)) if said else 0.0
        return Judgement(said == _YES, strength, wrong, n_cut=n_cut)

    async def _split(self, sentence: str) -> Split:
        prompt = self.prompts.fill("facts", sentence=fenced(sentence))
        try:
            completion = await self._model.complete(_request(prompt, schema=_FACTS_SCHEMA))
        except EndpointError as error:
            return Split((sentence,), str(error), failed=True)
        facts = _facts(completion.text)
        if completion.cut_off or not facts:
            return Split((sentence,), _unreadable(completion, "a list of facts"))
        return Split(facts)

    async def _preferred(self, rivals: Rivals) -> Preference:
        room = self._n_characters - len(rivals.question) - len(rivals.first) - len(rivals.second)
        reference = rivals.reference[: max(room, 0)]
        known = f"\n<reference>\n{fenced(reference)}\n</reference>\n\nThe reference is known to be right.\n"
        prompt = self.prompts.fill(
            "preference",
            question=fenced(rivals.question),
            reference=known if reference else "",
            first=fenced(rivals.first) or NO_ANSWER,
            second=fenced(rivals.second) or NO_ANSWER,
        )
        try:
            completion = await self._model.complete(_request(prompt, choices=(FIRST, SECOND, TIE)))
        except EndpointError as error:
            return Preference("", str(error), failed=True)
        return Preference(*_chosen(completion, (FIRST, SECOND, TIE)))


async def _gathered(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    return list(await asyncio.gather(*work))


def _request(prompt: str, choices: tuple[str, ...] = (), schema: dict[str, Any] | None = None) -> Request:
    return Request((Message("user", prompt),), choices=choices, schema=schema)


def _chosen(completion: Completion, choices: Sequence[str]) -> tuple[str, str]:
    """The choice, or "" and what is wrong with the reply."""
    said = completion.text.strip().lower()
    if said in choices and not completion.cut_off:
        return said, ""
    return "", _unreadable(completion, f"{', '.join(choices[:-1])} or {choices[-1]}")


def _unreadable(completion: Completion, wanted: str) -> str:
    if completion.cut_off:
        return "the judge's reply was cut off; raise answer.chat.max_tokens"
    return f"the judge's reply is not {wanted}: {completion.text[:60]!r}"


def _facts(reply: str) -> tuple[str, ...]:
    """The facts of a reply, also where words or a fence stand around its JSON; empty where none can be read."""
    begin, end = reply.find("{"), reply.rfind("}")
    try:
        found = json.loads(reply[begin : end + 1], strict=False)["facts"]
    except (ValueError, KeyError, TypeError):
        return ()
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        return ()
    return tuple(dict.fromkeys(one.strip() for one in found if one.strip()))


def _fitting(passages: Sequence[str], n_characters: int) -> tuple[list[str], int]:
    """Passages as far as they have room, the last one cut after a sentence, and how many have none."""
    kept: list[str] = []
    for place, text in enumerate(passages):
        if len(text) > n_characters:
            ends = [end for _, end in split_sentences(text) if end <= n_characters]
            kept += [text[: ends[-1]]] if ends else []
            return kept, len(passages) - place
        kept.append(text)
        n_characters -= len(text)
    return kept, 0
