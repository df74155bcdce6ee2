"""Features of layers for whole data sets: computed once and kept on disk."""
