"""OCPP 2.0.1: its messages, and their translation to and from reports."""
