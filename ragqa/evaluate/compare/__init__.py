"""Runs beside each other: pairs, systems across tasks, ablations."""
