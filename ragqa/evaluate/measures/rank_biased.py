"""Rank-biased precision (Moffat & Zobel, TOIS 2008), which no program that comes with ir_measures computes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np


class RankBiasedPrecision:
    """A program in ir_measures' sense for ``RBP``: (1 − p) · Σ_rank p^(rank − 1) · [the document is relevant].

    A document is relevant from the grade ``rel`` on, by default 1. Documents of equal score stand as in trec_eval,
    the greater id first.
    """

    NAME = "rank_biased"

    def is_available(self) -> bool:
        """Always."""
        return True

    def supports(self, measure: Any) -> bool:
        """Whether the measure is RBP with a persistence between 0 and 1."""
        return bool(measure.NAME == "RBP" and 0 < measure["p"] < 1)

    def iter_calc(
        self, measures: Sequence[Any], qrels: Mapping[str, Mapping[str, int]], run: Mapping[str, Mapping[str, float]]
    ) -> Iterator[Any]:
        """The value of each measure for each judged query that has hits."""
        from ir_measures import Metric

        for query, judged in qrels.items():
            hits = run.get(query, {})
            ordered = sorted(hits, key=lambda document: (np.float32(hits[document]), document), reverse=True)
            for measure in measures:
                kept = ordered[: measure.params.get("cutoff", len(ordered))]
                least, persistence = measure.params.get("rel", 1), measure["p"]
                relevant = (rank for rank, document in enumerate(kept) if judged.get(document, 0) >= least)
                value = (1 - persistence) * sum(persistence**rank for rank in relevant)
                yield Metric(query_id=query, measure=measure, value=value)
