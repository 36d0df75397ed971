"""The pages, one module a subject; each has a tuple `PAGES` of what it serves."""
