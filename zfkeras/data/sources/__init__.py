"""The data sets that --data can name, one module each."""
