"""A run: its folder and lines, how it is made, scored, read back, imported and exported."""
