"""The console: pages for people, rendered on the server from the same use cases as the API."""
