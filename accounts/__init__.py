"""Who may use the system: organisations, people, roles, API keys.

Others use only `accounts.directory`.
"""
