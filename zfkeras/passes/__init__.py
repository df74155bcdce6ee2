"""Passes of a network over a whole split of images."""
