"""Datasette: the server with our settings and metadata."""
