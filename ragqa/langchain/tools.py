"""A runnable as a tool that a model calls: Markdown for the model, the whole output beside it as the artifact."""

from collections.abc import Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel

from ragqa.errors import RagqaError


def tool_of(
    runnable: Runnable[Any, Any],
    arguments: type[BaseModel],
    name: str,
    description: str,
    written: Callable[[Any], str],
) -> BaseTool:
    """The tool.

    Parameters
    ----------
    runnable
        It takes the arguments as a dictionary.
    written
        Its output as the model is shown it.

    What ragqa refuses reaches the model as a sentence, so that it can ask otherwise.
    """

    def call(config: RunnableConfig, **given: Any) -> tuple[str, Any]:
        try:
            output = runnable.invoke(given, config)
        except RagqaError as error:
            raise ToolException(str(error)) from error
        return written(output), output

    async def acall(config: RunnableConfig, **given: Any) -> tuple[str, Any]:
        try:
            output = await runnable.ainvoke(given, config)
        except RagqaError as error:
            raise ToolException(str(error)) from error
        return written(output), output

    return StructuredTool.from_function(
        call,
        acall,
        name=name,
        description=description,
        args_schema=arguments,
        response_format="content_and_artifact",
        handle_tool_error=True,
    )
