"""District-level risk of organised violence in Central Asia, with uncertainty and reasons."""

__version__ = "0.1.0"
