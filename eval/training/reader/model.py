"""The network: MiniLM with one linear layer of heads over every token, and its losses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from examples import Example
from torch import Tensor, nn
from torch.nn import functional

from ragqa.reader.inputs import DIRECTION, EVIDENCE, HEADS, RELEVANCE, STANCE, TAG, reader_input

_IGNORED = -100


class Batch(NamedTuple):
    """Padded inputs of the examples of some groups, and where their sentences are."""

    ids: Tensor
    mask: Tensor
    segments: Tensor
    pooling: Tensor  # float32 [n_sentences, n_examples * n_tokens]: means over sentences' tokens
    owner: Tensor  # int64 [n_sentences]: the example of each sentence
    examples: list[Example]
    groups: list[int]  # number of examples of each group
    kept: list[list[int]]  # of each example the places of its sentences that were not cut off
    tags: Tensor  # int64 [n_examples, n_tokens]


class ReaderModel(nn.Module):
    """ids, mask, segments int64 [n, tokens] → float32 [n, tokens, HEADS]."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        from transformers import AutoModel

        # Without dropout PyTorch has a fast attention for the CPU; there are few rounds to overfit in.
        self.encoder = AutoModel.from_pretrained(
            folder, add_pooling_layer=False, attention_probs_dropout_prob=0.0, hidden_dropout_prob=0.0
        )
        self.heads = nn.Linear(self.encoder.config.hidden_size, HEADS)
        nn.init.normal_(self.heads.weight, std=0.02)
        nn.init.zeros_(self.heads.bias)

    def forward(self, ids: Tensor, mask: Tensor, segments: Tensor) -> Tensor:
        """Outputs for a batch, float32 [n, tokens, HEADS]."""
        hidden = self.encoder(input_ids=ids, attention_mask=mask, token_type_ids=segments).last_hidden_state
        return self.heads(hidden)


def collate(tokenizer: Any, groups: Sequence[Sequence[Example]], max_tokens: int) -> Batch:
    """Groups of examples as one padded batch."""
    examples = [example for group in groups for example in group]
    inputs = [reader_input(tokenizer, example.query, example.sentences, max_tokens) for example in examples]
    width = max(len(item.ids) for item in inputs)
    ids = torch.zeros((len(inputs), width), dtype=torch.int64)
    mask, segments = torch.zeros_like(ids), torch.zeros_like(ids)
    tags = torch.full_like(ids, _IGNORED)
    rows, owner, kept = [], [], []
    for place, (item, example) in enumerate(zip(inputs, examples, strict=True)):
        n = len(item.ids)
        ids[place, :n], mask[place, :n] = torch.tensor(item.ids), 1
        segments[place, :n] = torch.tensor(item.segments)
        own = [s for s, (begin, end) in enumerate(item.sentences) if end > begin]
        kept.append(own)
        for s in own:
            begin, end = item.sentences[s]
            row = torch.zeros(len(inputs), width)
            row[place, begin:end] = 1 / (end - begin)
            rows.append(row.flatten())
            owner.append(place)
        if example.answers is not None:
            for s in own:
                begin, end = item.sentences[s]
                tags[place, begin:end] = 2
                for sentence, first, last in example.answers:
                    if sentence != s:
                        continue
                    inside = [t for t in range(begin, end) if item.offsets[t][0] < last and item.offsets[t][1] > first]
                    for t in inside:
                        tags[place, t] = 0 if t == inside[0] else 1
    pooling = torch.stack(rows) if rows else torch.zeros((0, len(inputs) * width))
    return Batch(
        ids,
        mask,
        segments,
        pooling,
        torch.tensor(owner, dtype=torch.int64),
        examples,
        [len(g) for g in groups],
        kept,
        tags,
    )


def sentence_outputs(outputs: Tensor, batch: Batch) -> Tensor:
    """Means over the tokens of each sentence, float32 [n_sentences, HEADS]."""
    return batch.pooling @ outputs.flatten(0, 1)


def losses(outputs: Tensor, batch: Batch) -> dict[str, Tensor]:
    """The loss of each head that the batch has labels for."""
    sentences = sentence_outputs(outputs, batch)
    found: dict[str, list[Tensor]] = {}
    start = 0
    relevance = outputs[:, 0, RELEVANCE].squeeze(-1)
    for place, example in enumerate(batch.examples):
        own = sentences[start : start + len(batch.kept[place])]
        start += len(batch.kept[place])
        _sentence_losses(example, batch.kept[place], own, found)
    known = torch.tensor([example.relevance for example in batch.examples])
    if (known >= 0).any():
        chosen = known >= 0
        found.setdefault("answerable", []).append(
            functional.binary_cross_entropy_with_logits(relevance[chosen], known[chosen].float())
        )
    start = 0
    for size in batch.groups:
        if size > 1:
            scores = relevance[start : start + size]
            found.setdefault("ranking", []).append(-functional.log_softmax(scores, 0)[0])
        start += size
    if (batch.tags != _IGNORED).any():
        weight = torch.tensor([4.0, 3.0, 1.0])
        found["tags"] = [
            functional.cross_entropy(
                outputs[..., TAG].flatten(0, 1), batch.tags.flatten(), weight=weight, ignore_index=_IGNORED
            )
        ]
    return {name: torch.stack(values).mean() for name, values in found.items()}


def _sentence_losses(example: Example, kept: list[int], own: Tensor, found: dict[str, list[Tensor]]) -> None:
    if example.evidence:
        flags = torch.tensor([example.evidence[place] for place in kept])
        if (flags >= 0).any():
            chosen = flags >= 0
            logits = own[chosen, EVIDENCE].squeeze(-1)
            found.setdefault("evidence", []).append(
                functional.binary_cross_entropy_with_logits(logits, flags[chosen].float())
            )
            gold = flags[chosen] == 1
            if gold.any() and not gold.all():  # evidence is to stand before what is none
                found.setdefault("evidence_first", []).append(
                    torch.logsumexp(logits, 0) - torch.logsumexp(logits[gold], 0)
                )
    for name, head, labels, of_all in (
        ("stance", STANCE, example.stance, example.stance_of_all),
        ("direction", DIRECTION, example.direction, example.direction_of_all),
    ):
        if labels:
            each = [
                _possible(own[place, head], labels[kept[place]]) for place in range(len(kept)) if labels[kept[place]]
            ]
            if each:
                found.setdefault(name, []).append(torch.stack(each).mean())
        if of_all and len(own):
            weights = functional.softmax(own[:, EVIDENCE].squeeze(-1), 0)
            found.setdefault(f"{name}_of_all", []).append(_possible(weights @ own[:, head], of_all))


def _possible(logits: Tensor, bits: int) -> Tensor:
    """Minus the log probability of the labels that are possible."""
    places = [place for place in range(len(logits)) if bits >> place & 1]
    return torch.logsumexp(logits, 0) - torch.logsumexp(logits[places], 0)
