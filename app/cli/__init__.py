"""The command line: one module per group of commands; `frame` holds what they have in common."""
