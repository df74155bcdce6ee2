"""Training on several GPUs or machines, on tf.distribute."""
