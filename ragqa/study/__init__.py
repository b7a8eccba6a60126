"""What a study did and found, as an evidence table tells it: read by rules, blank where the text is not plain."""
