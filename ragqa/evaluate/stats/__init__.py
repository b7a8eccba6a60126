"""How far figures can be trusted: intervals, tests, rankings."""
