"""Table 1: whether hiding the same part changes features alike."""
