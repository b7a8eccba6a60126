"""What the reader's data sets, heads, contrasts and depth are worth: it is trained anew without one at a time.

    python eval/training/reader/ablate_training.py --data FOLDER [--steps 300] [--row NAME …]

Prints a Markdown table of the probes of ``probes.py``, on data held back from training and before any weight is fitted
on them. So that a row takes ten minutes, it is of few steps at a high rate, with a quarter of the tokens that the
shipped weights had. A row without some of the data reads the rest as often as the first row does, in fewer steps; so do
the models that are trained for one head alone.
"""

import argparse
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import bioasq
import evidence_inference
import pubmedqa
import scifact
import titles
import torch
from ablate import changed
from examples import Pool
from probes import Probes
from train import Recipe, all_pools, encoder_tokenizer, train

MICRO_TOKENS, RATE = 2800, 3e-4
FIGURES = {
    "direction, evidence given": "direction_given",
    "direction, abstract": "direction_abstract",
    "claims, AUC": "support_auc",
    "evidence first": "rationale_top1",
    "PubMedQA, conclusions": "pubmedqa_conclusion_macro_f1",
    "BioASQ yes/no": "bioasq_macro_f1",
    "relevant first": "relevant_first",
    "name first": "first_answer_right",
}
"""Column → figure of the probes."""

CONTRASTS = {
    evidence_inference: ("swapped", "undone"),
    scifact: ("negated", "swapped", "undone", "with_other_number"),
    pubmedqa: ("swapped",),
    titles: ("negated", "undone", "opposed"),
    bioasq: ("opposed",),
}
"""Module → what it rewords texts by."""


@dataclass(frozen=True, slots=True)
class Row:
    """A training: without which pools or with which alone, with contrasts or not, by which recipe; its figures.

    ``without`` and ``alone`` are parts of pools' names, ``recipe`` has the fields of :class:`train.Recipe` that differ.
    """

    without: str | None = None
    alone: str = ""
    contrasts: bool = True
    recipe: Mapping[str, Any] = field(default_factory=dict)
    figures: Sequence[str] = tuple(FIGURES.values())

    def keeps(self, pool: Pool) -> bool:
        """Whether it is trained on the pool."""
        return self.alone in pool.name and (self.without is None or self.without not in pool.name)


DIRECTION = ("direction_given", "direction_abstract")
STANCE = ("support_auc", "rationale_top1", "pubmedqa_conclusion_macro_f1", "bioasq_macro_f1")
RELEVANCE, ANSWERS = ("relevant_first",), ("first_answer_right",)
ROWS = {
    "all": Row(),
    "without contrasts": Row("plain", contrasts=False),
    "without Evidence Inference": Row("evidence-inference"),
    "without BioASQ": Row("bioasq"),
    "without SciFact": Row("scifact"),
    "without titles": Row("titles"),
    "without PubMedQA": Row("pubmedqa"),
    "without MedQuAD": Row("medquad"),
    "without the direction head": Row(".direction", figures=(*STANCE, *RELEVANCE, *ANSWERS)),
    "without the stance head": Row(".stance", figures=(*DIRECTION, *RELEVANCE, *ANSWERS)),
    "without the relevance head": Row(".relevance", figures=(*DIRECTION, *STANCE, *ANSWERS)),
    "without the answer head": Row(".answers", figures=(*DIRECTION, *STANCE, *RELEVANCE)),
    "direction alone": Row(alone=".direction", figures=DIRECTION),
    "stance alone": Row(alone=".stance", figures=STANCE),
    "relevance alone": Row(alone=".relevance", figures=RELEVANCE),
    "answers alone": Row(alone=".answers", figures=ANSWERS),
    "three layers": Row(recipe={"layers": 3}),
    "a third of the learning rate": Row(recipe={"rate": RATE / 3}),
    "evidence not put first": Row(recipe={"without_loss": "evidence_first"}),
}


def main() -> None:
    """Train and print a row at a time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--float32", action="store_true", help="compute in float32, not in bfloat16")
    parser.add_argument("--row", action="append", choices=ROWS, help="only these rows")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    tokenizer = encoder_tokenizer()
    probes = Probes(arguments.data, tokenizer)
    recipe = Recipe(arguments.steps, MICRO_TOKENS, arguments.seed, RATE, bfloat16=not arguments.float32)
    pools = {True: all_pools(arguments.data, random.Random(arguments.seed))}
    print("| | steps | " + " | ".join(FIGURES) + " |")
    print("|---|" + "---:|" * (len(FIGURES) + 1), flush=True)
    for name in arguments.row or ROWS:
        row = ROWS[name]
        if row.contrasts not in pools:
            with changed([(module, name, nothing) for module, names in CONTRASTS.items() for name in names]):
                pools[False] = all_pools(arguments.data, random.Random(arguments.seed))
        kept = [pool for pool in pools[row.contrasts] if row.keeps(pool)]
        steps = round(recipe.steps * read(kept, pools[True]))
        own = replace(recipe, steps=steps, **row.recipe)
        model, _ = train(own, tokenizer, kept)
        found = probes.run(model)
        cells = [f"{found[figure].value:.3f}" if figure in row.figures else "" for figure in FIGURES.values()]
        print(f"| {name} | {own.steps} | " + " | ".join(cells) + " |", flush=True)


def read(kept: Sequence[Pool], pools: Sequence[Pool]) -> float:
    """The share of all tokens that these pools have."""
    return sum(pool.share for pool in kept) / sum(pool.share for pool in pools)


def nothing(*_: Any) -> None:
    """In place of a rewording."""


if __name__ == "__main__":
    main()
