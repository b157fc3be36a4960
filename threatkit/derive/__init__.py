"""Scripts that re-create shipped files from their sources (needs the build extra)."""
