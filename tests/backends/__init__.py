"""What runs on every backend of Keras; `make test-backends` runs it on each.

Nothing here imports TensorFlow, JAX or PyTorch where Keras computes with another one.
"""
