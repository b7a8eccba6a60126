"""Questions that lean on what was asked before them."""
