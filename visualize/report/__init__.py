"""The report: every figure of a network in one HTML page."""
