"""The corpus formats by name: those of ragqa, and those that installed packages add.

A package adds a format with an entry point of the group ``ragqa.corpus_formats`` whose name is the format's and
which loads a :class:`~ragqa.corpus.records.CorpusFormat`.
"""

from importlib import metadata

from ragqa.corpus.browsecomp import read_browsecomp
from ragqa.corpus.jsonl import read_jsonl
from ragqa.corpus.pubmed_xml import read_pubmed_xml
from ragqa.corpus.pubmedqa import read_pubmedqa
from ragqa.corpus.records import CorpusFormat
from ragqa.errors import BackendError, UsageError, nearest

GROUP = "ragqa.corpus_formats"

_FORMATS = {
    "beir": CorpusFormat("beir", ("corpus.jsonl", "corpus.jsonl.gz"), 1, read_jsonl),
    "browsecomp-plus": CorpusFormat("browsecomp-plus", ("*.jsonl", "*.jsonl.gz"), 1, read_browsecomp),
    "pubmed-xml": CorpusFormat("pubmed-xml", ("*.xml", "*.xml.gz"), 2, read_pubmed_xml),
    "pubmedqa": CorpusFormat("pubmedqa", ("*.json", "*.json.gz"), 1, read_pubmedqa),
    "jsonl": CorpusFormat("jsonl", ("*.jsonl", "*.jsonl.gz"), 1, read_jsonl),
}


def corpus_format(name: str) -> CorpusFormat:
    """The format called ``name``.

    Raises
    ------
    UsageError
        There is none; the message names the nearest.
    BackendError
        The package that adds it does not load, or adds something else.
    """
    if name in _FORMATS:
        return _FORMATS[name]
    added = {point.name: point for point in metadata.entry_points(group=GROUP)}
    if name not in added:
        raise UsageError(f"unknown corpus format {name!r}; {nearest(name, [*_FORMATS, *added])}")
    try:
        found = added[name].load()
    except (ImportError, AttributeError) as error:
        raise BackendError(f"the corpus format {name!r} of {added[name].value} does not load: {error}") from error
    if not isinstance(found, CorpusFormat):
        raise BackendError(f"the entry point {name!r} of {added[name].value} is no CorpusFormat")
    return found


def format_names() -> list[str]:
    """Names of all formats, in alphabetical order."""
    return sorted({*_FORMATS, *(point.name for point in metadata.entry_points(group=GROUP))})
