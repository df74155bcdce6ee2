"""The strongest activations of each channel over a data set."""
