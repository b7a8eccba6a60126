"""Queries that a language model writes, having seen what the searches before brought."""

from collections.abc import Sequence

from ragqa.answer.chat.conversation import Spent
from ragqa.answer.iterative.queries import Weighed
from ragqa.corpus.text import abstract_of, title_of
from ragqa.llm import loop
from ragqa.llm.endpoint import EndpointModel
from ragqa.llm.fence import fenced
from ragqa.llm.model import LanguageModel, Message, Request
from ragqa.llm.prompt import Prompts
from ragqa.manifest import content_hash
from ragqa.recipe import ChatSettings
from ragqa.types import Question

DONE = "done"
N_SEEN = 10
"""How many documents the model is shown, those that fit the question best."""
_LONGEST_SEEN = 600
_LONGEST_QUERY = 300


class GeneratorQueries:
    """Asks a language model for the next query; it says when nothing is missing (as IRCoT and deep-research agents do).

    Attributes
    ----------
    in_flight
        Requests that may be under way at once.
    """

    def __init__(self, model: LanguageModel, settings: ChatSettings) -> None:
        self.in_flight = model.in_flight
        self._model = model
        self._seed = settings.seed
        self._prompts = Prompts("ragqa.answer", settings.prompts)

    @classmethod
    def open(cls, settings: ChatSettings) -> "GeneratorQueries":
        """Queries of the model of ``answer.chat``; nothing is connected yet."""
        return cls(EndpointModel(settings), settings)

    @property
    def prompts_hash(self) -> str:
        """Hash of all prompts in force."""
        return content_hash(self._prompts.hashes())

    def next_query(self, question: Question, queries: Sequence[str], seen: Sequence[Weighed], spent: Spent) -> str:
        """The next query; "" where the model says that nothing is missing, or writes nothing.

        Raises
        ------
        EndpointError
            The model cannot be reached, or refuses the request.
        """
        best = sorted(seen, key=lambda one: -one.fit)[:N_SEEN]
        prompt = self._prompts.fill(
            "next_query",
            question=question.text,
            queries="\n".join(f"- {query}" for query in queries),
            articles="\n".join(_shown(number, one) for number, one in enumerate(best, start=1)) or "(none were found)",
        )
        request = Request((Message("user", prompt),), seed=self._seed)
        return read_query(spent.add(self._model, loop.run(self._model.complete(request))).text)


def read_query(reply: str) -> str:
    r"""The query in a reply: its first line, without quotation marks or a label; "" for ``DONE``.

    >>> read_query('Next query: "lockase inhibitors"\nBecause …'), read_query("DONE."), read_query("")
    ('lockase inhibitors', '', '')
    """
    line = next((line.strip() for line in reply.splitlines() if line.strip()), "")
    label, colon, rest = line.partition(":")
    if colon and label.strip(" *").lower() in {"query", "next query", "search query"}:
        line = rest
    line = line.strip(" *\"'“”`")
    return "" if line.lower().strip(".!") == DONE else line[:_LONGEST_QUERY]


def _shown(number: int, one: Weighed) -> str:
    text = f"{title_of(one.document)} {abstract_of(one.document)}".strip()[:_LONGEST_SEEN]
    return f'<source number="{number}">\n{fenced(text)}\n</source>'
