"""What an index finds for claims: by the words of each and by those of its opposite."""

from collections.abc import Sequence

from ragqa.answer.opposite import opposed
from ragqa.engine.searcher import Searcher
from ragqa.retrieve.fuse import Candidates
from ragqa.retrieve.pool import pooled


def candidates_for_claims(searcher: Searcher, claims: Sequence[str], k: int) -> Candidates:
    """What is found for each claim and for its opposite, at least ``k`` documents, together in one order.

    They are reranked once, by the claim: what says the opposite of it is of the same matter.
    """
    sides = [searcher.all_as_read([text for text in (claim, opposed(claim)) if text]) for claim in claims]
    found = searcher.retrieve_whole([text for side in sides for text in side], k)
    return searcher.rerank([side[0] for side in sides], pooled(found, [len(side) for side in sides]))
