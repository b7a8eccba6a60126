"""Several replies into one: self-consistency (Wang et al. 2023), several models, shuffled options."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence

from ragqa.answer.chat.replies import Cited
from ragqa.corpus import words


def vote(ballots: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Each label's share of the votes; a single ballot keeps its own probabilities.

    A ballot votes for its most probable label. Of labels with equal shares the one with the higher mean
    probability comes first; labels are ordered by share.

    >>> vote([{"yes": 0.9, "no": 0.1}, {"yes": 0.4, "no": 0.6}, {"yes": 0.7, "no": 0.3}])
    {'yes': 0.6666666666666666, 'no': 0.3333333333333333}
    >>> vote([{"no": 0.8, "yes": 0.2}])
    {'no': 0.8, 'yes': 0.2}
    """
    read = [ballot for ballot in ballots if ballot]
    if not read:
        return {}
    means = mean(read)
    if len(read) == 1:
        shares = means
    else:
        votes = Counter(max(ballot, key=ballot.__getitem__) for ballot in read)
        shares = {label: votes[label] / len(read) for label in means}
    return dict(sorted(shares.items(), key=lambda pair: (-pair[1], -means[pair[0]])))


def mean(ballots: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean probability of each label over the ballots."""
    labels = dict.fromkeys(label for ballot in ballots for label in ballot)
    return {label: sum(ballot.get(label, 0.0) for ballot in ballots) / len(ballots) for label in labels}


def merge_answers(lists: Sequence[Sequence[Cited]]) -> list[tuple[Cited, float]]:
    """The union of ranked answers, each with a score from 0 to 1: its mean reciprocal rank over the lists.

    Answers that differ in case, punctuation or word endings only are one; it is worded as where it ranked best, and
    cites what any of them cites.
    """
    scores: dict[tuple[str, ...], float] = {}
    best: dict[tuple[str, ...], tuple[int, Cited]] = {}
    numbers: dict[tuple[str, ...], dict[int, None]] = {}
    for answers in lists:
        seen: set[tuple[str, ...]] = set()
        for rank, cited in enumerate(answers, start=1):
            key = tuple(words.stem(token) for token in words.tokens(cited.text)) or (cited.text,)
            if key in seen:
                continue
            seen.add(key)
            scores[key] = scores.get(key, 0.0) + 1 / rank
            if key not in best or rank < best[key][0]:
                best[key] = (rank, cited)
            numbers.setdefault(key, {}).update(dict.fromkeys(cited.numbers))
    merged = [(Cited(best[key][1].text, tuple(numbers[key])), score / len(lists)) for key, score in scores.items()]
    return sorted(merged, key=lambda pair: -pair[1])


def merge_items(lists: Sequence[Sequence[Cited]], *, majority: bool) -> list[tuple[Cited, float]]:
    """The union of list items, each with the share of the lists that name it.

    ``majority`` keeps those that at least half of the lists name (samples of one model); without it all stay
    (several models, as in the BioASQ 13b system).
    """
    named = [[(cited,) for cited in items] for items in lists]
    every = merge_answers([pair for items in named for pair in items]) if any(named) else []
    shares = []
    for cited, _ in every:
        key = [words.stem(token) for token in words.tokens(cited.text)]
        votes = sum(any([words.stem(t) for t in words.tokens(other.text)] == key for other in items) for items in lists)
        shares.append((cited, votes / len(lists)))
    return [(cited, share) for cited, share in shares if share >= 0.5 or not majority]


def orders(n_options: int, n_orders: int, seed: int) -> list[list[int]]:
    """The first order as given, then ``n_orders`` − 1 seeded ones; each is a list of places of options."""
    generator = random.Random(seed)  # noqa: S311 - reproducible, not secret
    result = [list(range(n_options))]
    while len(result) < n_orders:
        order = list(range(n_options))
        generator.shuffle(order)
        result.append(order)
    return result
