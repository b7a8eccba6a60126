"""BioASQ Task b's measures, as its official program computes them."""
