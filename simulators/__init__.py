"""Stations that behave, and misbehave, on command; they share no code with the system they test."""
