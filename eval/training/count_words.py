"""Count in how many abstracts each common word stem occurs, and write the reader's table of word weights.

    python eval/training/count_words.py --data abstracts.jsonl.gz

Input: JSON lines, one abstract each, with ``title`` and ``text``. Only the commonest stems are kept; every other
word gets the weight under the empty key.
"""

import argparse
import gzip
import json
import math
from collections import Counter
from pathlib import Path

from ragqa.answer import terms
from ragqa.corpus import words
from ragqa.manifest import write_atomically

TARGET = Path(terms.__file__).with_name("word_weights.json")
N_KEPT = 2000


def main() -> None:
    """Count, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    path = parser.parse_args().data
    counts: Counter[str] = Counter()
    n_documents = 0
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            text = f"{record.get('title', '')} {record.get('text', '')}"
            counts.update({stem for stem in words.content_stems(text) if not stem.isdigit()})
            n_documents += 1
    kept = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:N_KEPT]
    table = {stem: round(math.log(n_documents / count), 2) for stem, count in kept}
    table[""] = round(math.log(n_documents / kept[-1][1]) + 1.5, 2)  # the rest are rarer still
    write_atomically(TARGET, json.dumps(table, indent=0, ensure_ascii=False, sort_keys=True).encode() + b"\n")
    print(f"{n_documents} abstracts, {len(counts)} stems, {len(kept)} kept → {TARGET}")


if __name__ == "__main__":
    main()
