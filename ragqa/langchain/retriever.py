"""The engine's search as a LangChain retriever."""

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from ragqa.answer.compose import source_of
from ragqa.corpus.text import abstract_of, title_of
from ragqa.engine import Engine
from ragqa.types import Filter


class RagqaRetriever(BaseRetriever):
    """The engine's search as a LangChain retriever.

    A document's ``page_content`` is its title and abstract; its metadata has ``title``, ``year``, ``journal``,
    ``url``, ``evidence_level``, ``retracted``, ``score`` and the ``scores`` of each stage.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    engine: Engine
    k: int = 10
    allowed: Filter = Filter()

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's signature
    ) -> list[LangChainDocument]:
        hits = self.engine.search(query, self.k, self.allowed)
        found = []
        for hit, document in zip(hits, self.engine.store.read([hit.row for hit in hits]), strict=True):
            source = source_of(document, cited=False)
            metadata = {
                "title": source.title,
                "year": source.year,
                "journal": source.journal,
                "url": source.url,
                "evidence_level": source.evidence_level,
                "retracted": source.retracted,
                "score": hit.score,
                "scores": dict(hit.scores),
            }
            text = f"{title_of(document)}\n\n{abstract_of(document)}".strip()
            found.append(LangChainDocument(id=document.id, page_content=text, metadata=metadata))
        return found
