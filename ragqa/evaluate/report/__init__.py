"""Runs and comparisons on a page."""
