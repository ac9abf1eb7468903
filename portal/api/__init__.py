"""The REST calls, version 1: one module per subject, each with a `router`.

They are thin: a body or a query in, one call into a room's face, a model out.
"""
