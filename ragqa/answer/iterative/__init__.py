"""The reader that searches several times: its loop, and who writes its queries."""
