"""How well it does: measures and statistics, tasks, runs, comparisons, reports; imports run in this order."""
