"""The whole way from a question to a checked answer: retrieve → rerank → read → check.

:mod:`ragqa.engine.searcher` finds, :mod:`ragqa.engine.reading` reads what was found, :mod:`ragqa.engine.claims` finds
what is said for and against a claim, and :mod:`ragqa.engine.engine` puts them together.
"""

from ragqa.answer.as_read import AsRead, check_question
from ragqa.engine.engine import Engine, sentence_encoder
from ragqa.engine.openers import Openers
from ragqa.engine.telling import ReadyToRead

__all__ = ["AsRead", "Engine", "Openers", "ReadyToRead", "check_question", "sentence_encoder"]
