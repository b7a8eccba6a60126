"""What a corpus is made from: the settings of a recipe ``corpora/NAME.toml``."""

from dataclasses import dataclass

from ragqa.corpus.subset import EVERYTHING, Subset


@dataclass(frozen=True, slots=True)
class CorpusSettings:
    """The sources of a corpus and how they are read.

    Attributes
    ----------
    sources
        Files, folders or globs; relative ones start at the folder of the recipe. They may lie in a store that
        pyarrow reaches (``s3://bucket/pubmed/*.xml.gz``, ``gs://``, ``hdfs://``). They are read in the order
        given here; the files of a folder or glob in natural order of their names (``n2`` before ``n10``), so
        that a later update file revises an earlier baseline file. A file found twice is read once.
        There may be none where ``fetch`` is set.
    format
        ``pubmed-xml``, ``beir``, ``jsonl``, ``pubmedqa``, ``browsecomp-plus``, or a format that an installed package
        adds.
    fetch
        ``pubmed-xml`` only: the address of NLM's files or of a mirror of them, a folder with ``baseline/`` and
        ``updatefiles/``; "" for none. What is fetched from there is read before the ``sources``.
    mesh
        NLM's ``descYYYY.xml`` (or .gz), its ``mtreesYYYY.bin``, or a table of tree numbers, UIs and headings; "" for
        none but the one that ``fetch_mesh`` brought. Its headings are kept in the corpus, so that filters include
        narrower ones; entry terms, which ``descYYYY.xml`` alone has, are understood in filters and questions.
    fetch_mesh
        Where ``corpus fetch`` gets ``descYYYY.gz`` of the year of the baseline: the address of NLM's folder of
        descriptors or of a mirror of it; "" for nowhere.
    description
        For people.
    include_conclusion
        ``pubmedqa`` only: whether LONG_ANSWER, which is the conclusion of the abstract on PubMed, becomes the
        last section. Switch it off for reasoning-required experiments on the source abstracts.
    question_as_title
        ``pubmedqa`` only: whether QUESTION, which is the title of the article on PubMed, becomes the title.
        Switch it off where finding an article by its own title would make retrieval too easy.
    only
        Which documents of the sources get into the corpus; the newest version of each decides, so that those that are
        revised so that they are of it no more leave it again. Notices on other articles are kept whatever they are.
    leave_out
        Ids of documents that do not get into the corpus although the sources have them: for questions whose answer
        must not be there.
    """

    sources: tuple[str, ...]
    format: str
    fetch: str = ""
    mesh: str = ""
    fetch_mesh: str = ""
    description: str = ""
    include_conclusion: bool = True
    question_as_title: bool = True
    only: Subset = EVERYTHING
    leave_out: tuple[str, ...] = ()
