"""A text → its claims and references → what the corpus says to each, told as it is found."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from ragqa.check.resolve import resolve
from ragqa.check.text.blocks import Block
from ragqa.check.text.claims import Claim, claims_of
from ragqa.check.text.languages import refuse_foreign
from ragqa.check.text.marks import Mark, blanked, end_of_cited, marks_of
from ragqa.check.text.references import Entry, entries_of, without_list
from ragqa.check.types import Checked, CheckedClaim, CheckedReference, Skip, Status, summary_of
from ragqa.check.verdict import find
from ragqa.cores import n_cores
from ragqa.corpus.store import DocumentStore
from ragqa.corpus.text import title_of
from ragqa.errors import SourceError
from ragqa.reader.model import ReaderModel
from ragqa.render.counted import counted
from ragqa.types import Document

Search = Callable[[Sequence[str], int], list[list[Document]]]
N_READ = 5
"""Articles that are read for each claim: a sixth cost time and brought more that was wrong than right."""
_N_LOOKED_UP = 6
"""Articles among which one is looked for that a reference describes."""
_MOST_AT_ONCE = 4
"""Claims that are worked on side by side, on as many cores: while one is searched for, another is read for."""
_STANCES = {"supported": "supports", "contradicted": "contradicts"}


class Checker:
    """Checks texts against an opened corpus.

    Parameters
    ----------
    store
        The corpus.
    search
        Finds the best articles for each of several texts, best first: ``search(texts, k)``.
    search_claims
        The same for claims, for which articles count that say the opposite, too.
    model
        The reader's model.
    """

    def __init__(self, store: DocumentStore, search: Search, search_claims: Search, model: ReaderModel) -> None:
        self._store, self._search, self._search_claims, self._model = store, search, search_claims, model

    def stream(self, blocks: Sequence[Block]) -> Iterator[CheckedClaim | CheckedReference | Checked]:
        """Each claim, then each reference, as soon as it is checked, and last the whole.

        Raises
        ------
        SourceError
            The text has neither a claim nor a reference, or is in another language.
        """
        entries = entries_of(blocks)
        body = without_list(blocks)
        refuse_foreign(body)
        found, left_out = claims_of(body)
        if not found and not entries:
            raise SourceError(
                f"the text has no claim that could be checked ({counted(len(left_out), 'sentence')} left out: "
                "headings, questions, advice, fragments); give one that says what is the case"
            )
        claims: list[CheckedClaim] = []
        for claim in self._claims(found):
            claims.append(claim)
            yield claim
        references: list[CheckedReference] = []
        for reference in self._references(body, entries, claims):
            references.append(reference)
            yield reference
        skipped = tuple(
            Skip(one.block, one.begin, one.end, body[one.block].text[one.begin : one.end], one.reason)
            for one in left_out
        )
        told = tuple(claims), tuple(references)
        yield Checked(
            tuple((block.kind, block.text) for block in blocks), *told, skipped, summary_of(*told, len(skipped))
        )

    def _claims(self, claims: Sequence[Claim]) -> Iterator[CheckedClaim]:
        """Each claim in order: the first alone, so that it is told soon, the others side by side."""
        for claim in claims[:1]:
            yield self._checked(claim)
        n_threads = min(n_cores(), _MOST_AT_ONCE)
        threads, waiting = ThreadPoolExecutor(n_threads), deque[Future[CheckedClaim]]()
        try:
            for claim in claims[1:]:
                waiting.append(threads.submit(self._checked, claim))
                if len(waiting) > n_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            threads.shutdown(cancel_futures=True)

    def _checked(self, claim: Claim) -> CheckedClaim:
        (documents,) = self._search_claims([claim.read], N_READ)
        finding = find(self._model, claim.read, documents)
        return CheckedClaim(
            claim.block,
            claim.begin,
            claim.end,
            claim.text,
            claim.read,
            finding.verdict,
            finding.probability,
            finding.supporting,
            finding.contradicting,
            finding.notes,
        )

    def _references(
        self, body: Sequence[Block], entries: Sequence[Entry], claims: Sequence[CheckedClaim]
    ) -> Iterator[CheckedReference]:
        in_block: dict[int, list[int]] = {}
        for number, claim in enumerate(claims):
            in_block.setdefault(claim.block, []).append(number)
        cited: list[set[int]] = [set() for _ in entries]
        loose: list[tuple[int, Mark, list[int]]] = []
        for place, block in enumerate(body):
            blank, own = blanked(block.text), in_block.get(place, ())
            for mark in marks_of(block.text):
                end = end_of_cited(blank, mark)
                citing = [number for number in own if claims[number].begin <= end <= claims[number].end]
                matching = [number for number, entry in enumerate(entries) if _refers(mark, entry)]
                for number in matching:
                    cited[number].update(citing)
                if not matching:
                    loose.append((place, mark, citing))
        for place, mark, citing in loose:
            yield self._loose(place, mark, body[place].text, citing, claims, has_list=bool(entries))
        for entry, numbers in zip(entries, cited, strict=True):
            yield self._looked_up(entry, (entry.block, 0, len(entry.text)), sorted(numbers), claims)

    def _loose(
        self,
        place: int,
        mark: Mark,
        text: str,
        citing: Sequence[int],
        claims: Sequence[CheckedClaim],
        *,
        has_list: bool,
    ) -> CheckedReference:
        """A mark that no entry of a list explains: a PMID or DOI in the text, a number or name without an entry."""
        words = text[mark.begin : mark.end]
        if mark.kind in ("number", "author-year"):
            why = "the list of references has no such entry" if has_list else "the text has no list of references"
            status: Status = "missing" if has_list else "unknown"
            return CheckedReference(place, mark.begin, mark.end, words, status, problems=(why,))
        is_pmid = mark.kind == "pmid"
        entry = Entry(place, words, 0, pmid=mark.value if is_pmid else "", doi="" if is_pmid else mark.value)
        return self._looked_up(entry, (place, mark.begin, mark.end), citing, claims)

    def _looked_up(
        self, entry: Entry, place: tuple[int, int, int], citing: Sequence[int], claims: Sequence[CheckedClaim]
    ) -> CheckedReference:
        """An entry looked up, and read for the claims that cite it; ``place`` is its block, begin and end."""
        resolved = resolve(entry, self._store, lambda texts: self._search(texts, _N_LOOKED_UP))
        document = resolved.document
        return CheckedReference(
            *place,
            entry.text,
            resolved.status,
            document.id if document else "",
            resolved.problems,
            title_of(document) if document else "",
            self._supports(document, citing, claims),
        )

    def _supports(
        self, document: Document | None, citing: Sequence[int], claims: Sequence[CheckedClaim]
    ) -> tuple[tuple[int, str], ...]:
        """What an article says to each of the claims that cite it."""
        if document is None:
            return ()
        return tuple(
            (number, _STANCES.get(find(self._model, claims[number].read, [document]).verdict, "neither"))
            for number in citing
        )


def _refers(mark: Mark, entry: Entry) -> bool:
    if mark.kind == "number":
        return entry.number in mark.numbers
    if mark.kind == "author-year":
        is_other = mark.letter and entry.letter and mark.letter != entry.letter
        return entry.author.split()[-1:] == [mark.value] and entry.year == mark.year and not is_other
    return mark.value in (entry.pmid, entry.doi) and bool(mark.value)
