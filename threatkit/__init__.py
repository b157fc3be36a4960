"""District-level risk of organised violence in Central Asia, with its uncertainty and its reasons."""

__version__ = "0.1.0"
