"""Queries with fields, operators and parentheses, as PubMed takes them, over the fields of an index."""
