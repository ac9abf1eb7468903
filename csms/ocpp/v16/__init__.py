"""OCPP 1.6: its messages, and their translation to and from reports."""
