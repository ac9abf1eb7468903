"""The web pages and the REST API."""
