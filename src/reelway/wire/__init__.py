"""Schemas and encodings of foreign protocols as data, shared by the dialect that serves and the provider that calls."""
