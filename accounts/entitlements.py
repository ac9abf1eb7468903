"""What somebody's account lets him do now: the one place where licence, tier and term decide.

An organisation without an account, and without one above it, is the operator's own: nothing is
limited (docs/decisions/0017-no-account-no-limit.md). An account that has expired lets people sign
in and read; changes and exports stop. Charging, authorisation and recording never ask here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from accounts.licences import Licence
from accounts.permissions import Permission
from accounts.tiers import FUNCTIONS, Function, Tier, function_of, has
from foundation.errors import NotPermitted
from foundation.identifiers import OrganisationKey


class AccountState(StrEnum):
    """Where an account stands."""

    ACTIVE = "active"
    EXPIRED = "expired"
    ARCHIVED = "archived"


KEPT_WHEN_EXPIRED: Final = frozenset(
    {each for each in Permission if each.value.endswith(".read")}
    | {Permission.COMMANDS_SEND, Permission.FEED_COMMANDS, Permission.ACCOUNTS_WRITE}
    | {Permission.MONITORING}
)
"""Reading; starting and stopping, since charging never stops; the way back: a renewal; and the tab
where monitoring is ended: to begin it takes the release of its cost, which waits for the renewal.
"""


class AccountExpired(NotPermitted):
    """The account has expired: changes and exports wait for its renewal."""

    code = "account_expired"

    def __init__(self, ended_on: date) -> None:
        self.ended_on = ended_on
        super().__init__(
            f"The account expired on {ended_on.isoformat()}. Reading and charging go on; changes"
            " and exports need its renewal."
        )


class TierTooLow(NotPermitted):
    """The account's tier lacks a function, which is suspended until the tier has it again."""

    code = "tier_too_low"

    def __init__(self, function: Function, tier: Tier) -> None:
        self.function, self.tier = function, tier
        super().__init__(
            f"{function.label}: this needs the tier {function.least.value!r}; the account has"
            f" {tier.value!r}."
        )


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What an account grants at a moment; `ends_at` is the first moment behind its term."""

    account: OrganisationKey
    licence: Licence
    tier: Tier
    ends_on: date
    ends_at: datetime
    is_archived: bool
    now: datetime

    @property
    def state(self) -> AccountState:
        """Where the account stands now."""
        if self.is_archived:
            return AccountState.ARCHIVED
        return AccountState.EXPIRED if self.now >= self.ends_at else AccountState.ACTIVE

    def refusal(self, permission: Permission) -> NotPermitted | None:
        """Return why the account does not let a right be used; None: it does."""
        if self.state is not AccountState.ACTIVE and permission not in KEPT_WHEN_EXPIRED:
            return AccountExpired(self.ends_on)
        function = function_of(permission)
        if function is not None and not has(self.tier, function):
            return TierTooLow(function, self.tier)
        return None

    def refusal_of_function(self, key: str) -> NotPermitted | None:
        """Return why a function that is no right of its own cannot be used; None: it can."""
        function = FUNCTIONS_BY_KEY[key]
        return None if has(self.tier, function) else TierTooLow(function, self.tier)

    def refusal_of_exports(self) -> NotPermitted | None:
        """Return why nothing can be exported; None: it can."""
        return None if self.state is AccountState.ACTIVE else AccountExpired(self.ends_on)


FUNCTIONS_BY_KEY: Final[Mapping[str, Function]] = {each.key: each for each in FUNCTIONS}
