"""Passes by many workers, on Apache Beam."""
