"""What is measured: one concept a module, each giving :class:`ragqa.evaluate.measures.measure.Scores`."""
