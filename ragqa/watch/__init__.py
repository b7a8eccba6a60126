"""Answers kept true: what is watched is asked again when the literature changes, and what changed is told."""
