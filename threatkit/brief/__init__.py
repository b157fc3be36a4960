"""The report of a run: one file for a policymaker to read and for an analyst to defend."""
