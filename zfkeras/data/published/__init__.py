"""Published data sets and networks: what they are, where they lie, the download."""
