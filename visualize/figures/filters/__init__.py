"""Fig. 6: first-layer filters, and what they do to layer 2."""
