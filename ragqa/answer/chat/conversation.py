"""The turns of a conversation with a generator about one question: what is said, in which order, and what it cost.

Everything that questions share comes first and the sources next, so that a server's prefix cache serves every
further turn and every further sample about the same question.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from ragqa.answer.chat.replies import Cited, Reply, StatementStream, read_reply
from ragqa.answer.chat.sources import NumberedSource, render
from ragqa.errors import EndpointError
from ragqa.llm.fence import fenced
from ragqa.llm.model import Completion, LanguageModel, Message, Request
from ragqa.llm.prompt import Prompts
from ragqa.types import Question

OnStatement = Callable[[Cited], Awaitable[None]]


@dataclass(slots=True)
class Spent:
    """What the conversations about one question cost, what was thought aloud in them, and what they lacked.

    ``n_unreadable`` counts replies of which nothing could be read, ``n_without_probabilities`` choices for which the
    server gave no log probabilities, so that the one made counts as certain.
    """

    models: dict[str, None] = field(default_factory=dict)
    n_requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    n_cut_off: int = 0
    n_unreadable: int = 0
    n_without_probabilities: int = 0
    reasoning: list[str] = field(default_factory=list)

    def add(self, model: LanguageModel, completion: Completion) -> Completion:
        """Count a reply."""
        self.models[model.name] = None
        self.n_requests += 1
        self.prompt_tokens += completion.prompt_tokens
        self.completion_tokens += completion.completion_tokens
        self.n_cut_off += completion.cut_off
        if completion.reasoning:
            self.reasoning.append(completion.reasoning)
        return completion


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is shown to every model before its task: rules, solved examples, sources and the question.

    ``correction`` is what the sources say instead of something false that the question takes for granted; "": nothing.
    """

    prompts: Prompts
    question: Question
    sources: tuple[NumberedSource, ...] = ()
    solved: tuple[Message, ...] = ()
    correction: str = ""

    @property
    def setting(self) -> str:
        """``sources``, or ``closed`` where the model answers from what it knows."""
        return "sources" if self.sources else "closed"

    def opening(self, task: str) -> tuple[Message, ...]:
        """The conversation up to the first task."""
        system = Message("system", self.prompts.text(f"system.{self.setting}"))
        return (system, *self.solved, self.asking(task))

    def asking(self, task: str) -> Message:
        """The turn that shows the sources, asks the question and sets the task."""
        if self.correction:
            carried = self.prompts.fill("presupposition.carried", correction=fenced(self.correction))
            task = f"{carried}\n\n{task}"
        text = self.prompts.fill(
            f"question.{self.setting}",
            question=self.question.text.strip(),
            task=task,
            sources=render(self.sources, self.prompts),
        )
        return Message("user", text)

    def task(self, name: str, **values: str) -> str:
        """The task ``name`` in this setting, filled in."""
        return self.prompts.fill(f"{name}.{self.setting}", **values)


@dataclass(frozen=True, slots=True)
class Sample:
    """One model asked once: with which seed and temperature (None: as its endpoint says)."""

    model: LanguageModel
    seed: int
    temperature: float | None = None


async def choose(
    sample: Sample, messages: tuple[Message, ...], choices: Sequence[str], spent: Spent
) -> dict[str, float]:
    """The probability of each choice; empty where the reply is none of them.

    Where the server gives no log probabilities, the choice that was made has probability 1; both faults are counted.
    """
    request = Request(messages, tuple(choices), seed=sample.seed, temperature=sample.temperature)
    completion = spent.add(sample.model, await sample.model.complete(request))
    if completion.choice_probabilities:
        return dict(completion.choice_probabilities)
    said = [choice for choice in choices if _opens_with(completion.text, choice)]
    spent.n_without_probabilities += bool(said)
    spent.n_unreadable += not said
    return {choice: float(choice == said[0]) for choice in choices} if said else {}


async def reason(sample: Sample, messages: tuple[Message, ...], spent: Spent) -> tuple[Message, ...]:
    """The conversation with the model's free reasoning as its next turn."""
    request = Request(messages, seed=sample.seed, temperature=sample.temperature)
    completion = spent.add(sample.model, await sample.model.complete(request))
    spent.reasoning.append(completion.text)
    return (*messages, Message("assistant", completion.text or "(nothing)"))


async def reply_in_statements(
    sample: Sample,
    messages: tuple[Message, ...],
    schema: dict[str, object],
    spent: Spent,
    on_statement: OnStatement | None = None,
) -> Reply:
    """A reply in statements; one that cannot be read is asked for once more with another seed.

    ``on_statement`` is awaited for each statement as soon as it is complete.
    """
    request = Request(messages, schema=schema, seed=sample.seed, temperature=sample.temperature)
    reply = Reply(readable=False)
    for attempt in range(2):
        again = replace(request, seed=sample.seed + 7919 * attempt)
        if on_statement is None:
            completion = await sample.model.complete(again)
        else:
            completion = await _streamed(sample.model, again, on_statement)
        reply = read_reply(spent.add(sample.model, completion).text)
        if reply.readable:
            break
        spent.n_unreadable += 1
    return reply


async def _streamed(model: LanguageModel, request: Request, on_statement: OnStatement) -> Completion:
    statements = StatementStream()
    completion: Completion | None = None
    async for piece in model.stream(request):
        if isinstance(piece, Completion):
            completion = piece
            continue
        for cited in statements.feed(piece):
            await on_statement(cited)
    if completion is None:
        raise EndpointError(f"the reply of {model.name} ended without its last part")
    return completion


def _opens_with(text: str, choice: str) -> bool:
    start = text.lstrip(" \n\"'*(").lower()
    return start.startswith(choice.lower()) and not start[len(choice) : len(choice) + 1].isalnum()
