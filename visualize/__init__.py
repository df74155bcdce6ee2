"""The deconvnet and the figures of the paper."""
