"""The explorer: a page on this machine that looks into a network, click by click."""

from visualize.explore.command import build_parser, main

__all__ = ["build_parser", "main"]
