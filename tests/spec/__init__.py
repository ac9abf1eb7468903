"""Figures and messages taken from the standards, as data."""
