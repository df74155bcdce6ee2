"""Images in: sources, decoding, the mean image and the batches made of them."""
