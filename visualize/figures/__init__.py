"""The figures of the paper, one folder each: what is measured and recorded."""
