"""Evaluation of forecasts: outcomes, baselines, proper scores and the record of what was said."""
