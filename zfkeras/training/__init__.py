"""The training run: configuration, step, schedule, checkpoints and the loop."""
