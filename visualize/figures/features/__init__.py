"""Fig. 2: what excites each channel, projected to pixels."""
