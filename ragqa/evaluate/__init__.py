"""How well it does: tasks, metrics, runs, statistics, ablations, reports."""
