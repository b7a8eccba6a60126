"""The reader ``extractive``: every decision is made from what the small trained model reads in each sentence."""
