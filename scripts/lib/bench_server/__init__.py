"""Benches of the server: ingest, api and live."""
