"""What may be tried at a station by itself: by a playbook of first aid, or by an if/then rule.

None of them needs a written order: they change nothing that lasts. A station that is put out of
service is put back by itself.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

LONGEST_OUT: Final = 168
"""Hours for which a station is put out of service at most."""
USUALLY_OUT: Final = 24


class Step(StrEnum):
    """What may be tried, from the harmless to the strong."""

    TRIGGER = "trigger"
    """The station is asked for its status once more."""
    CLEAR_CACHE = "clear_cache"
    UNLOCK = "unlock"
    IN_SERVICE = "in_service"
    """It is told to be operative."""
    SOFT_RESET = "soft_reset"
    HARD_RESET = "hard_reset"
    OUT_OF_SERVICE = "out_of_service"
    """It is told to be inoperative, for some hours: nobody shall try in vain, or get hurt."""


STRENGTH: Final[Mapping[Step, int]] = MappingProxyType(
    {each: place for place, each in enumerate(Step)}
)
RESETS: Final = frozenset({Step.SOFT_RESET, Step.HARD_RESET})
HARMLESS_TO_SESSIONS: Final = frozenset({Step.TRIGGER, Step.OUT_OF_SERVICE, Step.IN_SERVICE})
"""What ends no session: a change of availability waits for the end of one (OCPP 1.6, 5.2)."""
