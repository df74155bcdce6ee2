"""Protocols: training and test images, scores, near-duplicates."""
