"""Tests of the ways by which messages about alerts leave."""
