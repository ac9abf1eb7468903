"""Agreements with owners and providers, and how the proceeds of charging are shared."""
