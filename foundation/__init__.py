"""What everything stands on: money, moments, identifiers, events, the database, the outbox.

Nothing here knows of anything above it. A module enters only if two rooms above need it and it
knows nothing of the charging business beyond the shared words.
"""
