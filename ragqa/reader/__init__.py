"""The small trained model: what a passage says to a question or a claim, sentence by sentence."""
