"""The page and the HTTP API of serve.py."""
