"""Fig. 5: what shifts, scales and turns change inside a network."""
