"""Passes of networks over images, and what is opened for them."""
