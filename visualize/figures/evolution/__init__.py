"""Fig. 4: how features change during training."""
