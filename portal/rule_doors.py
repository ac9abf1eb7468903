"""If/then rules as every door sets them up: seen, permitted, done, audited.

A rule that has a step tried at stations is the order for it: it stands in the audit under the name
of who made it, and each command names the rule. So it needs the right to send commands, too, as
one that opens tickets needs the right to open them.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.permissions import Permission
from alerts import ruling
from alerts.detections import Severity
from alerts.ruling import Rehearsal, Ways
from alerts.steps import USUALLY_OUT, Step
from alerts.watch_rules import ALWAYS, STEPS_PER_DAY, Condition, Rule
from csms import registry
from foundation.errors import InvalidInput, NotFound
from foundation.identifiers import OrganisationKey
from foundation.networks import networks
from portal.context import PortalContext
from portal.guard import MASK, Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRule:
    """A rule as somebody wants it.

    Attributes:
        webhook: A URL; what is shown of the one that there is leaves it as it is; empty: none.
    """

    organisation: str
    name: str
    conditions: Sequence[Condition]
    needs_all: bool = True
    consecutive: int = 1
    grid: str = ALWAYS
    location: str | None = None
    group: int | None = None
    severity: Severity = Severity.WARNING
    mails: Sequence[str] = ()
    webhook: str = ""
    opens_ticket: bool = False
    step: Step | None = None
    step_hours: int = USUALLY_OUT
    steps_per_day: int = STEPS_PER_DAY
    active: bool = True


async def set_rule(
    db: AsyncSession,
    caller: Caller,
    context: PortalContext,
    wanted: WantedRule,
    *,
    number: int = 0,
    now: datetime,
) -> Rule:
    """Make a rule (number 0), or change it; its organisation stays.

    Raises:
        InvalidInput: If it makes no sense, or names what is not the caller's.
        NotFound: If there is no such rule in his scope.
        NotPermitted: If he may not, or the account's tier has no rules.
    """
    caller.must_have(Permission.ALERTS_WRITE)
    before = await ruling.rule(db, caller.scope, number) if number else None
    rule, url = await _read(db, caller, wanted, before)
    if rule.step is not None:
        caller.must_have(Permission.COMMANDS_SEND)
    if rule.opens_ticket:
        caller.must_have(Permission.TICKETS_WRITE)
    ways = Ways(context.sealer, networks(context.settings.webhook_networks))
    made = await ruling.set_rule(db, rule, url=url, ways=ways, by=caller.actor, now=now)
    await _note(db, caller, made, before, "change" if number else "create", now)
    return made


async def rehearse(
    db: AsyncSession, caller: Caller, wanted: WantedRule, *, number: int = 0, now: datetime
) -> Rehearsal:
    """Return when a rule would have fired in the last seven days; nothing is changed.

    Raises:
        InvalidInput: If it makes no sense, or names what is not the caller's.
        NotFound: If there is no such rule in his scope.
    """
    caller.must_have(Permission.ALERTS_WRITE)
    before = await ruling.rule(db, caller.scope, number) if number else None
    rule, _ = await _read(db, caller, replace(wanted, webhook=""), before)
    return await ruling.rehearse(db, caller.scope, rule, now=now)


async def switch(
    db: AsyncSession, caller: Caller, number: int, *, is_on: bool, now: datetime
) -> Rule:
    """Switch a rule on or off.

    Raises:
        NotFound: If there is none in the caller's scope.
        NotPermitted: If he may not, or it is to be on, and the account's tier has no rules.
    """
    caller.must_have(Permission.ALERTS_WRITE)
    before = await ruling.rule(db, caller.scope, number)
    if is_on and before.step is not None:
        caller.must_have(Permission.COMMANDS_SEND)
    made = await ruling.switch(db, before, is_on=is_on, by=caller.actor, now=now)
    await _note(db, caller, made, before, "change", now)
    return made


async def remove_rule(db: AsyncSession, caller: Caller, number: int, *, now: datetime) -> None:
    """Take a rule away; what it found is over.

    Raises:
        NotFound: If there is none in the caller's scope.
    """
    caller.must_have(Permission.ALERTS_WRITE)
    before = await ruling.rule(db, caller.scope, number)
    await ruling.remove_rule(db, number, by=caller.actor, now=now)
    await caller.note(
        db,
        "watch_rule.remove",
        f"watch_rule/{number}",
        organisation=before.organisation,
        before=_noted(before),
        now=now,
    )


async def rotate_secret(
    db: AsyncSession, caller: Caller, context: PortalContext, number: int, *, now: datetime
) -> tuple[Rule, str]:
    """Make a fresh secret for a rule's calls; return the rule, and the secret once.

    Raises:
        NotFound: If there is none in the caller's scope.
        NoProgram: If it tells no program.
    """
    caller.must_have(Permission.ALERTS_WRITE)
    rule = await ruling.rule(db, caller.scope, number)
    secret = await ruling.rotate_secret(db, number, sealer=context.sealer, now=now)
    await caller.note(
        db,
        "watch_rule.secret",
        f"watch_rule/{number}",
        organisation=rule.organisation,
        now=now,
    )
    return rule, secret


async def _read(
    db: AsyncSession, caller: Caller, wanted: WantedRule, before: Rule | None
) -> tuple[Rule, str | None]:
    """Return the rule, and the URL of another webhook if it gets one."""
    owner = await _owner(db, caller, wanted.organisation) if before is None else before.organisation
    if wanted.location is not None and not await registry.locations(
        db, caller.scope, key=wanted.location, limit=1
    ):
        raise InvalidInput(f"There is no location {wanted.location!r}.", field="location")
    given = wanted.webhook.strip()
    kept = None if before is None else before.webhook
    rule = Rule(
        id=0 if before is None else before.id,
        organisation=owner,
        name=" ".join(wanted.name.split()),
        conditions=tuple(wanted.conditions),
        needs_all=wanted.needs_all,
        consecutive=wanted.consecutive,
        grid=wanted.grid,
        location=wanted.location,
        group=wanted.group,
        severity=wanted.severity,
        mails=_mails(wanted.mails, before),
        webhook=kept if given else None,
        opens_ticket=wanted.opens_ticket,
        step=wanted.step,
        step_hours=wanted.step_hours,
        steps_per_day=wanted.steps_per_day,
        is_active=wanted.active,
    )
    return rule, given if given and given != kept else None


def _mails(wanted: Sequence[str], before: Rule | None) -> tuple[str, ...]:
    """Return the addresses; those that somebody sees as **** stay as they are.

    Raises:
        InvalidInput: If there are none that could stay.
    """
    given = tuple(each.strip() for each in wanted if each.strip())
    if MASK not in given:
        return given
    if before is None or set(given) != {MASK}:
        raise InvalidInput("**** stands for what is hidden; it is no value.", field="mails")
    return before.mails


async def _owner(db: AsyncSession, caller: Caller, key: str) -> OrganisationKey:
    try:
        caller.must_see(OrganisationKey(key), "organisation", key)
        return (await directory.organisation(db, OrganisationKey(key))).key
    except NotFound as error:
        raise InvalidInput(f"There is no organisation {key!r}.", field="organisation") from error


async def _note(
    db: AsyncSession, caller: Caller, made: Rule, before: Rule | None, deed: str, now: datetime
) -> None:
    await caller.note(
        db,
        f"watch_rule.{deed}",
        f"watch_rule/{made.id}",
        organisation=made.organisation,
        before=None if before is None else _noted(before),
        after=_noted(made),
        now=now,
    )


def _noted(rule: Rule) -> dict[str, object]:
    return asdict(rule)


def limit_of(text: str) -> Decimal | None:
    """Return a limit as somebody wrote it, with a point or a comma; None: it is none."""
    written = text.strip().replace(",", ".")
    digits = written.removeprefix("-").replace(".", "", 1)
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 12:
        return None
    return Decimal(written)
