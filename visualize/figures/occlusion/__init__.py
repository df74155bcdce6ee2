"""Fig. 7: what hiding each part of an image changes."""
