"""Agreements with owners and providers, and how the proceeds of charging are shared.

Face: `roaming.administration`. `roaming.handlers` fulfils what billing asks for.
"""
