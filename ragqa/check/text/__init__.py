"""What is to be checked, as a person wrote it: blocks of text, the claims in them, and the references they name."""
