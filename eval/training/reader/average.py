"""Average the weights of several trainings of the reader's model.

    python eval/training/reader/average.py FOLDER FOLDER … --out FOLDER

Each FOLDER is one that train.py wrote; so is the one made here. Trainings that start from the same weights end near
enough to each other for their mean to be better than each (Wortsman et al. 2022, "Model soups").
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch


def main() -> None:
    """Write the mean of the weights, and what the card tells of all trainings."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    weights = mean([torch.load(folder / "reader.pt") for folder in arguments.folders])
    told = [json.loads((folder / "training.json").read_text(encoding="utf-8")) for folder in arguments.folders]
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.save(weights, arguments.out / "reader.pt")
    (arguments.out / "training.json").write_text(json.dumps({"averaged": told}, indent=1) + "\n", encoding="utf-8")


def mean(weights: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """The mean of each tensor over the models; what is no weight (positions of tokens) is the first one's."""
    first = weights[0]
    return {
        name: torch.stack([each[name] for each in weights]).mean(0) if tensor.is_floating_point() else tensor
        for name, tensor in first.items()
    }


if __name__ == "__main__":
    main()
