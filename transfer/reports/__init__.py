"""Results of the experiments as tables and pictures."""
