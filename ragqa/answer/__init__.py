"""A question and hits → an answer whose every sentence can be checked."""
