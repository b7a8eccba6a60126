"""The reader ``chat``: a language model writes, and what it cites is checked against the articles."""
