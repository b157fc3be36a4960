"""Districts, their outlines, and who borders whom."""
