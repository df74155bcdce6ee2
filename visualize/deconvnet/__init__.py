"""The deconvnet: from a unit of a network down to the pixels that made it active."""
