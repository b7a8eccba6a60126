"""A text checked against the literature: its claims, what articles say to each, and the references that it names."""
