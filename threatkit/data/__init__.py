"""Indicator packages: found, checked and brought into one panel."""
