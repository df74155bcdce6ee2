"""Tests that run on every backend of Keras (`make test-backends`).

Nothing here imports TensorFlow, JAX or PyTorch where Keras computes with another one.
"""
