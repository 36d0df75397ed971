"""The HTTP shell: everything between a socket and a use case. It knows no dialect's words, only its table."""
