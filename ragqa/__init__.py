"""ragqa: biomedical question answering over PubMed whose every sentence can be checked.

>>> import ragqa
>>> engine = ragqa.open("sample")
>>> hits = engine.search("statins and atrial fibrillation after bypass surgery", k=3)
>>> len(hits)
3
>>> answer = engine.ask("Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?")
>>> answer.verdict
'yes'
>>> answer.statements[0].spans[0].document_id == hits[0].document_id
True
>>> engine.close()
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ragqa.engine import Engine, Openers

__version__ = "0.1.0"
__all__ = ["open"]

_SAMPLE = "sample"


def open(  # noqa: A001 - reads ragqa.open(…)
    name: str = _SAMPLE, overrides: Sequence[str] = (), openers: "Openers | None" = None
) -> "Engine":
    """Open the index called ``name``; see :meth:`ragqa.engine.Engine.open`.

    The index ``sample``, whose corpus comes with ragqa, is built at its first use.
    """
    from ragqa import products
    from ragqa.engine import Engine

    if name == _SAMPLE and not products.is_built("indexes", name):
        products.build_index(name)
    return Engine.open(name, overrides) if openers is None else Engine.open(name, overrides, openers)
