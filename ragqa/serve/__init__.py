"""Ways to reach an engine: HTTP, a web page, any OpenAI client, MCP."""
