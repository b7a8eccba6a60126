"""An answer as people and programs read it: plain text and Markdown, with all text of documents escaped."""
