"""The REST calls, tried over HTTP."""
