"""The built-in engine: turns a request into a real video without a key, a network, a GPU or a system library."""
