"""From what generators replied to a checked reading: support, removals, abstaining, and notices about all of it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ragqa.answer import notices
from ragqa.answer.chat.checks import judged_support
from ragqa.answer.chat.conversation import Conversation, OnStatement, Sample, Spent
from ragqa.answer.chat.packing import Packed
from ragqa.answer.chat.replies import Cited, Reply
from ragqa.answer.chat.verify import Library
from ragqa.answer.question import AskedFor
from ragqa.answer.reading import Reading
from ragqa.answer.support import stance
from ragqa.reader.model import open_model
from ragqa.recipe import AnswerSettings
from ragqa.types import Document, ExactAnswer, Generation, Notice, Statement, VerdictLabel

Report = Callable[[Statement], None]


@dataclass(slots=True)
class Draft:
    """What the generators replied, before anything is checked."""

    verdict: VerdictLabel | None = None
    verdict_probabilities: dict[str, float] = field(default_factory=dict)
    statements: tuple[Cited, ...] = ()
    answers: list[tuple[Cited, float]] = field(default_factory=list)
    correction: Cited | None = None
    answerable: bool = True
    readable: bool = True

    def take(self, reply: Reply) -> None:
        """The statements of a reply, and whether it is one."""
        self.statements = reply.statements
        self.answerable = reply.answerable
        self.readable = reply.readable


@dataclass(frozen=True, slots=True)
class Work:
    """Everything that checking one question's draft needs.

    ``documents`` are those that deal with the question, shown to the generator or not; ``judge`` is the model that
    is asked whether a source supports a statement; ``report`` is called with each statement that stays, as soon as
    it is checked.
    """

    settings: AnswerSettings
    asked: AskedFor
    documents: Sequence[Document]
    conversation: Conversation
    packed: Packed
    prompts_hash: str
    judge: Sample
    spent: Spent
    strength: float = 0.0
    report: Report | None = None


class Writer:
    """Checks statements one by one, as they come or all at the end, and makes the reading of them."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._library = Library(work.asked, [source.document for source in work.packed.sources], open_model())
        self._checked: dict[Cited, Statement | None] = {}
        self._n_citations_removed = 0
        self._n_unsupported = 0

    def on_statement(self) -> OnStatement | None:
        """What is awaited for each statement while a reply comes in; None where nobody listens."""
        if self._work.report is None:
            return None

        async def check(cited: Cited) -> None:
            await self._check(cited)

        return check

    async def correct(self, correction: Cited | None) -> Cited | None:
        """The correction of a false presupposition if a source supports it, else None."""
        if correction is None:
            return None
        statement = await self._check(correction)
        return correction if statement is not None and statement.spans else None

    async def finish(self, draft: Draft) -> Reading:
        """The reading: what the sources support of the draft, or an abstention where nothing is left."""
        work, chat = self._work, self._work.settings.chat
        if not draft.readable:
            return self._abstain("The generator's reply could not be read.")
        if not draft.answerable:
            where = "in the sources" if work.packed.sources else "without sources"
            return self._abstain(f"The generator finds no answer to this question {where}.")
        told: list[Cited] = list(dict.fromkeys([*([draft.correction] if draft.correction else []), *draft.statements]))
        checked = [await self._check(cited) for cited in told]
        statements = tuple(statement for statement in checked if statement is not None)
        exact = self._exact_answers(draft.answers)
        expects_statements = work.asked.type != "yesno" or chat.write_statements
        if expects_statements and not statements and not exact:
            return self._abstain("No statement of the generator is supported by the sources that it cites.")
        if withheld := _contradicts_itself(work.asked, draft.verdict, statements):
            draft.verdict, draft.verdict_probabilities = None, {}
        least = work.settings.verdict_above
        if draft.verdict is not None and draft.verdict_probabilities.get(draft.verdict, 1.0) < least:
            withheld = (notices.undecided(draft.verdict_probabilities, least),)
            draft.verdict = None
        return Reading(
            question_type=work.asked.type,
            statements=statements,
            verdict=draft.verdict,
            verdict_probabilities={label: round(p, 6) for label, p in draft.verdict_probabilities.items()},
            exact_answers=exact,
            notices=(*self._notices(statements, exact, draft), *withheld),
            strength=work.strength,
            generation=self._generation(),
        )

    async def _check(self, cited: Cited) -> Statement | None:
        """The statement with its spans, or None where it is removed; each one is checked and reported once."""
        if cited not in self._checked:
            self._checked[cited] = statement = await self._verified(cited)
            if statement is not None and self._work.report is not None:
                self._work.report(statement)
        return self._checked[cited]

    async def _verified(self, cited: Cited) -> Statement | None:
        work, chat = self._work, self._work.settings.chat
        if not work.packed.sources:
            self._n_citations_removed += len(cited.numbers)
            return Statement(cited.text, (), 0.0)
        # The model takes tens of milliseconds, in which other streams go on.
        verified = await asyncio.to_thread(self._library.verify, cited, chat.min_support)
        statement = verified.statement
        n_removed = len(verified.out_of_range) + len(verified.unsupporting)
        if chat.critique and statement.spans:
            judged = await asyncio.gather(
                *(
                    judged_support(work.judge, statement, s.quote, work.conversation.prompts, work.spent)
                    for s in statement.spans
                )
            )
            kept = [span for span, value in zip(statement.spans, judged, strict=True) if value >= chat.min_support]
            n_removed += len(statement.spans) - len(kept)
            statement = replace(statement, spans=tuple(kept), support=round(min(statement.support, max(judged)), 4))
        self._n_citations_removed += n_removed
        if statement.spans:
            return statement
        self._n_unsupported += 1
        return statement if chat.unsupported == "mark" else None

    def _exact_answers(self, answers: Sequence[tuple[Cited, float]]) -> tuple[ExactAnswer, ...]:
        found = []
        for cited, share in answers:
            exact = self._library.exact_answer(cited, share)
            self._n_citations_removed += self._library.n_out_of_range(cited)
            if exact.spans or not self._work.packed.sources or self._work.settings.chat.unsupported == "mark":
                found.append(exact)
        return tuple(sorted(found, key=lambda exact: -exact.score))

    def _abstain(self, reason: str) -> Reading:
        told = [*self._about_generation(), *self._about_documents(())]
        return abstention(self._work.asked, reason, self._work.strength, tuple(told), self._generation())

    def _notices(self, statements: Sequence[Statement], exact: Sequence[ExactAnswer], draft: Draft) -> list[Notice]:
        spans = [span for statement in statements for span in statement.spans]
        spans += [span for answer in exact for span in answer.spans]
        told = self._about_documents({span.document_id for span in spans})
        if draft.correction is not None:
            message = f"The question takes something for granted that a source denies: {draft.correction.text}"
            told.insert(0, Notice("false_presupposition", message))
        if not self._work.packed.sources:
            told.append(Notice("without_sources", "The generator answered from what it knows; nothing was checked."))
        return told + self._about_generation()

    def _about_documents(self, cited: set[str] | tuple[()]) -> list[Notice]:
        documents = self._work.documents
        used = [document for document in documents if document.id in cited]
        return notices.about_documents(documents, used, retracted_allowed=self._work.settings.allow_retracted)

    def _about_generation(self) -> list[Notice]:
        told = []
        packed, spent = self._work.packed, self._work.spent
        if self._n_citations_removed:
            what = f"Citations that named no source, or one without support: {self._n_citations_removed}"
            told.append(Notice("citation_removed", f"{what}, removed."))
        if self._n_unsupported:
            done = "shown without citation" if self._work.settings.chat.unsupported == "mark" else "removed"
            told.append(Notice("unsupported", f"Statements without support: {self._n_unsupported}, {done}."))
        if packed.cut or packed.dropped:
            what = f"sentences: {len(packed.cut)}, whole articles: {len(packed.dropped)}"
            told.append(Notice("trimmed", f"Left out because the model's context is full: {what}."))
        if spent.n_unreadable:
            told.append(Notice("degraded", f"Replies of which nothing could be read: {spent.n_unreadable}."))
        if spent.n_without_probabilities:
            what = f"Choices for which the server gave no log probabilities: {spent.n_without_probabilities}"
            told.append(Notice("degraded", f"{what}; each counts as certain."))
        if spent.n_cut_off:
            told.append(Notice("cut_off", f"Replies that broke off at the limit of tokens: {spent.n_cut_off}."))
        return told

    def _generation(self) -> Generation:
        spent, packed = self._work.spent, self._work.packed
        return Generation(
            models=tuple(spent.models),
            prompts_hash=self._work.prompts_hash,
            n_requests=spent.n_requests,
            prompt_tokens=spent.prompt_tokens,
            completion_tokens=spent.completion_tokens,
            cut=packed.cut,
            dropped=packed.dropped,
            reasoning=tuple(spent.reasoning),
            n_citations_removed=self._n_citations_removed,
            n_statements_unsupported=self._n_unsupported,
        )


def _contradicts_itself(
    asked: AskedFor, verdict: VerdictLabel | None, statements: Sequence[Statement]
) -> tuple[Notice, ...]:
    """A notice where every statement that takes a side says the opposite of the verdict; such a verdict is withheld."""
    sides = [side for statement in statements if (side := stance(asked.text, statement.text)) is not None]
    if verdict not in {"yes", "no"} or not sides or verdict in sides:
        return ()
    return (Notice("verdict_withheld", f"The generator's verdict was {verdict}, but its statements say {sides[0]}."),)


def abstention(
    asked: AskedFor,
    reason: str,
    strength: float,
    told: tuple[Notice, ...] = (),
    generation: Generation | None = None,
) -> Reading:
    """A reading that abstains: no statement, verdict or citation."""
    return Reading(asked.type, abstained=True, reason=reason, notices=told, strength=strength, generation=generation)
