"""The official MCP client against ``ragqa mcp`` over stdio and HTTP, and against ``ragqa serve``."""

import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from jsonschema import Draft202012Validator
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

STATINS = "Do preoperative statins reduce atrial fibrillation after coronary artery bypass grafting?"
Check = Callable[[Client], Awaitable[None]]


async def the_tools_work(client: Client) -> None:
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {"search", "ask", "check", "get_document"}
    for tool in tools.values():
        assert tool.description
        Draft202012Validator.check_schema(tool.input_schema)
        assert tool.output_schema is not None
        Draft202012Validator.check_schema(tool.output_schema)

    found = await client.call_tool("search", {"question": STATINS, "k": 3})
    assert [hit["rank"] for hit in found.structured_content["hits"]] == [1, 2, 3]
    Draft202012Validator(tools["search"].output_schema).validate(found.structured_content)

    answered = await client.call_tool("ask", {"question": STATINS, "filter": {"not_retracted": True}})
    answer = answered.structured_content
    assert answer["verdict"] == "yes"
    assert "PMID " in answered.content[0].text
    Draft202012Validator(tools["ask"].output_schema).validate(answer)

    claim = "Preoperative statins reduce the risk of atrial fibrillation after coronary artery bypass surgery."
    checked = await client.call_tool("check", {"text": claim})
    assert checked.structured_content["claims"][0]["verdict"] == "supported"
    assert checked.content[0].text.startswith("1. **Supported")
    Draft202012Validator(tools["check"].output_schema).validate(checked.structured_content)

    span = answer["statements"][0]["spans"][0]
    shown = await client.call_tool("get_document", {"document_id": span["document_id"]})
    sections = shown.structured_content["document"]["sections"]
    text = next(section["text"] for section in sections if section["name"] == span["section"])
    assert text[span["begin"] : span["end"]] == span["quote"]


async def wrong_arguments_are_told(client: Client) -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("search", {"question": STATINS, "k": 0}, "k"),
        ("search", {"question": STATINS, "k": 101}, "k"),
        ("search", {"question": "  "}, "empty"),
        ("search", {"question": "x", "filter": {"year": 1}}, "year"),
        ("ask", {"question": "x" * 2_001}, "2,001 characters"),
        ("ask", {"question": STATINS, "type": "poem"}, "type"),
        ("ask", {"question": STATINS, "index": "sampel"}, "did you mean 'sample'"),
        ("check", {"text": "Is it safe?"}, "no claim that could be checked"),
        ("get_document", {"document_id": "0"}, "has no document '0'"),
        ("get_document", {}, "document_id"),
    ]
    for tool, arguments, message in cases:
        result = await client.call_tool(tool, arguments)
        assert result.is_error, (tool, arguments)
        assert message in result.content[0].text
        assert "Traceback" not in result.content[0].text


def run(client: Client, *checks: Check) -> None:
    async def all_checks() -> None:
        async with client:
            for check in checks:
                await check(client)

    anyio.run(all_checks)


def test_tools_over_stdio(served_home: Path) -> None:
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "ragqa", "mcp", "--index", "sample"],
        env={"RAGQA_HOME": str(served_home), "HF_HUB_OFFLINE": "1"},
    )

    run(Client(parameters), the_tools_work, wrong_arguments_are_told)


def test_tools_over_http(start_server) -> None:
    with start_server(command="mcp --http") as server:
        assert server.address.endswith("/mcp")

        run(Client(server.address), the_tools_work, wrong_arguments_are_told)


def test_the_http_server_offers_the_tools_too(server) -> None:
    run(Client(f"{server.address}mcp"), the_tools_work)


def test_answers_over_mcp_count_among_the_answers(server, client: httpx.Client) -> None:
    def n_answers() -> float:
        found = re.findall(r"^ragqa_answers_total{.*} ([0-9.]+)$", client.get("/metrics").text, re.MULTILINE)
        return sum(float(n) for n in found)

    async def ask(opened: Client) -> None:
        await opened.call_tool("ask", {"question": STATINS})

    before = n_answers()
    run(Client(f"{server.address}mcp"), ask)

    assert n_answers() == before + 1


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"jsonrpc": "2.0"}', b"x" * 70_000])
def test_malformed_messages_are_refused(body: bytes, client: httpx.Client) -> None:
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}

    response = client.post("/mcp", content=body, headers=headers)

    assert 400 <= response.status_code < 500
