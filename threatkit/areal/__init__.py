"""A researcher's own areas: any counts by area, from plain files to a checked posterior."""
