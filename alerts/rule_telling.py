"""If/then rules tell: the mails and the program that a rule names, once each time that it fires.

Whoever hears of alerts anyway hears of a rule's, too; this is what the rule itself asks for. It is
written in the unit of work that takes the alert from the outbox: a mail as a mail, a call to a
program as a job, which is tried again and may come twice under the same id. A call is signed as the
portal's own webhooks are, and leads only where those may.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from alerts import alert_store, rule_store, ruling
from alerts.channels.way import Away, Message, Refused, Way
from alerts.detections import Detection
from alerts.life import Change, Fault
from alerts.ruling import PURPOSE
from alerts.watch_rules import Rule, rule_of
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import Unavailable
from foundation.events import AlertChanged
from foundation.jobs import Attempt, Jobs, Payload
from foundation.mail import InvalidAddress, Mail, Mails
from foundation.outbox import Delivery, Subscription
from foundation.sealing import Sealer

log = structlog.get_logger(__name__)

READER: Final = "rules"
JOB: Final = "alert.rule"
PAUSES_S: Final = (10.0, 60.0, 300.0, 900.0)

PLACES_MAX: Final = 100
"""How many places a message names; a storm may have thousands."""

_TOLD: Final = frozenset({Change.RAISED, Change.GROWN, Change.RECOVERED})
_SUBJECT: Final = {"en": "Rule: {name} ({where})", "de": "Regel: {name} ({where})"}
_BODY: Final = {
    "en": "The rule \N{LEFT DOUBLE QUOTATION MARK}{name}\N{RIGHT DOUBLE QUOTATION MARK} is met:\n\n"
    "{places}\n\n{link}\n\nThe rule: {settings}\n",
    "de": "Die Regel \N{DOUBLE LOW-9 QUOTATION MARK}{name}\N{LEFT DOUBLE QUOTATION MARK} ist"
    " erfüllt:\n\n{places}\n\n{link}\n\nDie Regel: {settings}\n",
}


@dataclass(frozen=True, slots=True)
class _Met:
    """A rule with where it is met."""

    rule: Rule
    faults: Sequence[Fault]

    @property
    def places(self) -> list[str]:
        """Where, as in `CS-1/2`, as far as it is told."""
        return [f"{each.station}/{each.evse_id}" for each in self.shown]

    @property
    def shown(self) -> Sequence[Fault]:
        """What is told: where it is met now comes first."""
        ordered = sorted(self.faults, key=lambda each: each.over_at is not None)
        return ordered[:PLACES_MAX]


class RuleTelling:
    """Tells what rules ask to be told.

    Registers its job with `jobs`; make one per process.

    Args:
        way: How a program is told.
        public_url: How people reach the portal, for links; without a slash at the end.
    """

    def __init__(
        self,
        *,
        database: Database,
        jobs: Jobs,
        clock: Clock,
        mails: Mails,
        sealer: Sealer,
        way: Way,
        public_url: str,
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> None:
        self._database = database
        self._jobs = jobs
        self._clock = clock
        self._mails = mails
        self._sealer = sealer
        self._way = way
        self._public_url = public_url
        jobs.register(JOB, self.send, pauses_s=pauses_s)

    async def __call__(self, db: AsyncSession, deliveries: Sequence[Delivery]) -> None:
        """Take what happened to alerts of rules."""
        for each in deliveries:
            event = each.event
            assert isinstance(event, AlertChanged)
            if event.detection != Detection.RULE or event.change not in _TOLD:
                continue
            for met in await self._met(db, event.alert_id):
                if event.change != Change.RECOVERED:
                    await self._mail(db, event, met)
                if met.rule.webhook is not None:
                    facts = self._facts(event, met)
                    key = f"rule/{met.rule.id}/{each.event_id}"
                    await self._jobs.defer(db, JOB, {**facts, "id": key}, key=key)

    async def _met(self, db: AsyncSession, alert: int) -> list[_Met]:
        """Return the rules of an alert, of which there are several in a storm."""
        faults = (await alert_store.faults_of(db, [alert]))[alert]
        found: list[_Met] = []
        for number in sorted({rule_of(each.cause) or 0 for each in faults}):
            found += [
                _Met(rule, [each for each in faults if each.cause == rule.cause])
                for rule in await rule_store.rules(db, number=number)
            ]
        return found

    async def _mail(self, db: AsyncSession, event: AlertChanged, met: _Met) -> None:
        if not met.rule.mails:
            return
        language = (await directory.organisation(db, met.rule.organisation)).language
        language = language if language in _BODY else "en"
        subject = _SUBJECT[language].format(name=met.rule.name, where=", ".join(met.places[:3]))
        body = _BODY[language].format(
            name=met.rule.name,
            places="\n".join(
                f"{place}: {fault.evidence.get('measured', '')}"
                for place, fault in zip(met.places, met.shown, strict=True)
            ),
            link=f"{self._public_url}/alerts/{event.alert_id}",
            settings=f"{self._public_url}/rules/{met.rule.id}",
        )
        for address in met.rule.mails:
            mail = Mail(address, " ".join(subject.split()), body, language)
            key = f"rule/{met.rule.id}/{event.alert_id}/{address}"  # however often it grows
            try:
                await self._mails.post(db, mail, key=key)
            except InvalidAddress:  # the others hear of it all the same
                log.warning("rule.no_address", rule=met.rule.id)

    def _facts(self, event: AlertChanged, met: _Met) -> dict[str, Any]:
        return {
            "rule": met.rule.id,
            "name": met.rule.name,
            "alert": event.alert_id,
            "change": event.change,
            "organisation": event.organisation,
            "severity": event.severity,
            "places": [
                {
                    "station": each.station,
                    "evse_id": each.evse_id,
                    "measured": each.evidence.get("measured", ""),
                    "is_met": each.is_present and each.over_at is None,
                }
                for each in met.shown
            ],
            "more_places": len(met.faults) - len(met.shown),
            "url": f"{self._public_url}/alerts/{event.alert_id}",
        }

    async def send(self, payload: Payload, attempt: Attempt) -> None:
        """Do the job: tell a program; a rule that was taken away meanwhile tells nothing."""
        number, now = int(payload["rule"]), self._clock.now()
        async with self._database.unit_of_work() as db:
            program = await rule_store.program(db, number)
            if program is None:
                return
            keys = await ruling.keys_of(db, number, program, sealer=self._sealer, now=now)
        message = Message(
            id=str(payload["id"]),
            target=self._sealer.unseal(program.url, PURPOSE).decode(),
            text=f"{payload['name']}: {payload['change']}",
            facts=payload,
            keys=keys,
            sent_at=now,
        )
        try:
            await self._way.hand_over(message)
        except (Refused, Away) as error:
            if isinstance(error, Refused) or attempt.is_last:
                log.error("rule.not_told", rule=payload["rule"], why=str(error))
                return
            log.warning("rule.not_told_yet", rule=payload["rule"], attempt=attempt.number)
            raise Unavailable(f"Rule {payload['rule']} could not tell: {error}") from None
        log.info("rule.told", rule=payload["rule"])


def subscription(telling: RuleTelling) -> Subscription:
    """Return the reader for the program."""
    return Subscription(READER, (AlertChanged.kind,), telling)
