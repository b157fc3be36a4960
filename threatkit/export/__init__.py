"""A finished run in the formats of others: one module a format, `formats` joins them."""
