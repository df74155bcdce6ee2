"""Softmax and SVM heads on the layers of a trained network."""
