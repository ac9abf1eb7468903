"""The ways by which a message about an alert leaves the house, each with `hand_over`."""
