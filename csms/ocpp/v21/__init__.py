"""OCPP 2.1: its messages, and their translation to and from reports."""
