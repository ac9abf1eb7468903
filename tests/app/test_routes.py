"""Which events go to which readers: words, checked against the vocabulary."""

from app.routes import ROUTES
from foundation.events import EVENTS


def test_only_known_events_are_addressed_and_each_to_somebody() -> None:
    assert ROUTES.keys() <= EVENTS.keys()
    assert all(readers for readers in ROUTES.values())
