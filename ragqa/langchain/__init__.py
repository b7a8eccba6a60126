"""ragqa inside LangChain: the engine as a retriever and as runnables, and LangChain's chat models inside ragqa."""

from ragqa.langchain.answers import AnswerRunnable
from ragqa.langchain.checks import CheckRunnable
from ragqa.langchain.model import LangChainModel, with_chat_model
from ragqa.langchain.retriever import RagqaRetriever

__all__ = ["AnswerRunnable", "CheckRunnable", "LangChainModel", "RagqaRetriever", "with_chat_model"]
