"""The report: every figure of a network in one HTML page."""

from visualize.report.command import build_parser, main

__all__ = ["build_parser", "main"]
