"""Checking a text as a LangChain runnable."""

from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field, RootModel

from ragqa.check.markdown import as_markdown
from ragqa.check.text.blocks import blocks_of
from ragqa.check.types import Checked
from ragqa.engine import Engine
from ragqa.langchain.inputs import PlainInput, RunnableInput, text_of
from ragqa.langchain.tools import tool_of


class CheckArguments(BaseModel):
    """What the tool takes."""

    text: str = Field(description="A text with claims or references, plain or in Markdown.")


class CheckRunnable(Runnable[RunnableInput, Checked]):
    """Checking a text (plain or Markdown) as a LangChain runnable: each claim with the words for and against it.

    The text comes as a string, in a dictionary, or as the last of some messages; see
    :func:`ragqa.langchain.inputs.text_of`.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def invoke(self, input: RunnableInput, config: RunnableConfig | None = None, **_: Any) -> Checked:  # noqa: A002
        """Check one text."""
        return self._call_with_config(self._check, input, config)

    def get_input_schema(self, config: RunnableConfig | None = None) -> type[BaseModel]:  # noqa: ARG002
        """What a text may come in."""
        return PlainInput

    def get_output_schema(self, config: RunnableConfig | None = None) -> type[BaseModel]:  # noqa: ARG002
        """The form of what comes out."""
        return RootModel[Checked]

    def as_tool(
        self,
        args_schema: type[BaseModel] | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
        arg_types: dict[str, type] | None = None,
    ) -> BaseTool:
        """A tool that a model calls: it is shown the checked text as Markdown, and the artifact is the whole."""
        if arg_types is not None:
            return super().as_tool(args_schema, name=name, description=description, arg_types=arg_types)
        what = "Checks each claim and reference of a text against the literature, with the words for and against it."
        arguments = args_schema or CheckArguments
        return tool_of(self, arguments, name or "check_against_literature", description or what, as_markdown)

    def _check(self, given: RunnableInput) -> Checked:
        *_, whole = self.engine.check(blocks_of(text_of(given), "markdown"))
        assert isinstance(whole, Checked)  # noqa: S101 - what a check ends with
        return whole
