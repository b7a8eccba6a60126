"""Write trained weights as the files that ragqa ships: graph, vocabulary, card.

    python eval/training/reader/export.py --weights FOLDER --data FOLDER [--out ragqa/reader/weights]

The int8 graph is compared with the original on development data: figures of both, and how often the verdict flips.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import torch
from model import ReaderModel
from probes import Figure, Probes
from train import MICRO_BATCHES, WEIGHTS, encoder_folder, encoder_tokenizer

from ragqa.index.encoder_tokens import Batch
from ragqa.index.onnx_export import OnnxModel, quantise, write_graph
from ragqa.manifest import file_hash
from ragqa.reader.model import CARD, GRAPH, VOCABULARY
from ragqa.reader.model import WEIGHTS as SHIPPED

SOURCES = (
    ("Evidence Inference 2.0, training prompts", "MIT", "evidence-inference"),
    ("SciFact, training claims", "CC BY 4.0", "scifact-claims"),
    ("SciFact, abstracts", "ODC-By 1.0", "beir/scifact/corpus.jsonl"),
    ("PubMedQA, four fifths of the labelled development half", "MIT", "pubmedqa"),
    ("BioASQ, gold answers of years 4, 5, 7, 8 and 9", "CC BY 2.5", "bioasq/golden"),
    ("BioASQ, passages", "CC BY 2.5", "beir/bioasq-passages"),
    ("MedQuAD", "CC BY 4.0", "medquad"),
    ("PubMed abstracts, without those of SciFact and PubMedQA", "NLM terms", "bulk"),
)


class Exported:
    """An exported graph, called like the module."""

    def __init__(self, path: Path) -> None:
        self._model = OnnxModel(path, "export it again")

    def eval(self) -> None:
        """Nothing to switch."""

    def __call__(self, ids: torch.Tensor, mask: torch.Tensor, segments: torch.Tensor) -> torch.Tensor:
        """Outputs for a batch, float32 [n, tokens, HEADS]."""
        return torch.from_numpy(self._model(Batch(ids.numpy(), mask.numpy(), segments.numpy())))


def main() -> None:
    """Export, compare, write the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True, help="the folder that train.py wrote")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=SHIPPED)
    arguments = parser.parse_args()
    source = encoder_folder()
    model = ReaderModel(source)
    model.load_state_dict(torch.load(arguments.weights / "reader.pt"))
    model.eval()
    model.encoder.set_attn_implementation("eager")  # the other kind guards each attention against texts without tokens
    probes = Probes(arguments.data, encoder_tokenizer())
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        full = Path(name) / "fp32.onnx"
        if not write_graph(model, full, 16, each_token=True):
            raise SystemExit("the model cannot be exported")
        quantise(full, arguments.out / GRAPH)
        figures: dict[str, Any] = {
            kind: {name: told(found) for name, found in probes.run(Exported(path)).items()}
            for kind, path in (("fp32", full), ("int8", arguments.out / GRAPH))
        }
        figures["flipped_verdicts"] = told(probes.flips(Exported(full), Exported(arguments.out / GRAPH)))
    shutil.copy(source / "vocab.txt", arguments.out / VOCABULARY)
    training = json.loads((arguments.weights / "training.json").read_text(encoding="utf-8"))
    card = {
        "files": {file: file_hash(arguments.out / file) for file in (GRAPH, VOCABULARY)},
        "data": [{"name": name, "licence": kind, "sha256": hashes(arguments.data / at)} for name, kind, at in SOURCES],
        "training": {
            "encoder": "all-MiniLM-L6-v2 (Apache-2.0)", "loss_weights": WEIGHTS,
            "micro_batches": MICRO_BATCHES, **training,
        },
        "figures": figures,
        "use": "Reads English abstracts of PubMed: is a passage relevant, which sentences are evidence, do they say "
               "yes or no, more or less, and which phrases answer.",
        "limits": "It was trained on abstracts and snippets, not on full texts, tables or other languages. It does no "
                  "arithmetic. It must not decide alone about a patient.",
        "temperatures": probes.temperatures(Exported(arguments.out / GRAPH)),
    }  # fmt: skip
    (arguments.out / CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(card["figures"], indent=1))


def hashes(path: Path) -> dict[str, str]:
    """File → sha256 of a data set."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {file.name: file_hash(file) for file in files}


def told(found: Figure) -> dict[str, Any]:
    """A figure as the card has it."""
    interval = [round(found.low, 4), round(found.high, 4)]
    return {"value": round(found.value, 4), "interval": interval, "n": found.n}


if __name__ == "__main__":
    main()
