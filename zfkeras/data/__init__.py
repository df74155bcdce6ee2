"""Image input: sources, decoding, the mean image and batches."""
