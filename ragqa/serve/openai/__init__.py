"""What OpenAI's clients and the chat front-ends built on them use: completions, responses, embeddings."""
