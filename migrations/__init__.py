"""Alembic: frozen history of the tables."""
