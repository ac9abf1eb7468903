"""How a station treats the commands it gets: well, or badly in one of a few ways.

Bad manners are set per action, for a station as it is built or at any moment of a story, so that a
central system meets every way in which a command can fail.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

ANY_ACTION = "*"


class Failing(StrEnum):
    """What goes wrong with a command."""

    REJECT = "reject"
    """The station says no, in the words that the answer has for it, else by a CALLERROR."""
    REFUSE = "refuse"
    """A CALLERROR `InternalError`, and nothing is done."""
    NO_ANSWER = "no_answer"
    """Nothing is done, and nothing is said."""
    NO_ANSWER_BUT_DONE = "no_answer_but_done"
    """It is done, and nothing is said."""
    LATE_ANSWER = "late_answer"
    """It is answered after `late_s`, and done then."""
    LOSE_CONNECTION = "lose_connection"
    """The socket dies before the answer, and nothing is done."""
    LOSE_CONNECTION_BUT_DONE = "lose_connection_but_done"
    """The socket dies before the answer, and yet it is done."""
    NO_EFFECT = "no_effect"
    """The station says yes, and does nothing."""


class BadManners(ValueError):
    """`ACTION=FAILING` was expected, with a failing that exists."""

    def __init__(self, text: str) -> None:
        known = ", ".join(Failing)
        super().__init__(f"{text!r} is not ACTION=FAILING; the failings are {known}")


@dataclass
class Manners:
    """The failings by action; `ANY_ACTION` stands for all that are not named.

    `effect_s` is how many real seconds pass between an answer and what follows from it.
    """

    failings: dict[str, Failing] = field(default_factory=dict)
    late_s: float = 5.0
    effect_s: float = 0.0
    is_once: bool = False
    """Fail only once; the next command is treated well."""

    def failing(self, action: str) -> Failing | None:
        """Return how a command fails, None if it does not."""
        found = self.failings.get(action, self.failings.get(ANY_ACTION))
        if self.is_once:
            self.failings.clear()
        return found


def read_failings(texts: Iterable[str]) -> dict[str, Failing]:
    """Read `ACTION=FAILING` texts, as the command line has them.

    Raises:
        BadManners: If one of them is something else.
    """
    found = {}
    for text in texts:
        action, equals, failing = text.partition("=")
        if not action or not equals or failing not in set(Failing):
            raise BadManners(text)
        found[action] = Failing(failing)
    return found


def failings_of(facts: Mapping[str, str]) -> dict[str, Failing]:
    """Read a plan's mapping of action to failing.

    Raises:
        BadManners: If a failing does not exist.
    """
    return read_failings(f"{action}={failing}" for action, failing in facts.items())
