"""The folder of a run: configuration, checkpoints, log and results."""
