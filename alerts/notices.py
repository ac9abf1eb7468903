"""Who hears of an alert, by which way, and when: decided from what happened to it and from now.

Each *recipient* is one entry of somebody: where he wants to be reached, of what, and at which
times. What he is told is a *notice*; of one alert he is told once that it was raised, again only
where he asked to be reminded, and that it is over if he wants to know. The same number or address
entered twice is told once, by the entry that comes first.

Times of day are local, in the recipient's zone: one that is missing when summer time begins is
taken an hour later, a doubled one is the first of the two.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from alerts.detections import Detection, Severity
from alerts.life import Change
from foundation.errors import InvalidInput
from foundation.identifiers import OrganisationKey, StationId

BUNDLED_WITHIN: Final = timedelta(minutes=10)
"""How long an entry that bundles waits for more to put into the same message."""
UNPAID_EVERY: Final = timedelta(hours=1)
"""How often at most an account is written to about messages that it had no credits for."""
LONGEST_REPEAT: Final = timedelta(days=30)
LONGEST_WAIT: Final = timedelta(days=2)
"""The last step of an escalation chain at the latest."""

_TRIES: Final = 40
_PRESENT: Final = frozenset({Change.RAISED, Change.GROWN, Change.REPEATED})


class Channel(StrEnum):
    """The way to somebody."""

    MAIL = "mail"
    SMS = "sms"
    """Paid with credits by the account of whoever entered the number."""
    CHAT = "chat"
    """A room of a chat."""
    WEBHOOK = "webhook"
    """A program of his, which gets JSON."""


class NoticeState(StrEnum):
    """What became of a notice."""

    WAITING = "waiting"
    """It will be sent when it is due."""
    HANDED = "handed"
    """It is being handed over; its credit, if it takes one, is set aside."""
    SENT = "sent"
    UNPAID = "unpaid"
    """There was no credit for it: a mail tells of it."""
    FAILED = "failed"
    DROPPED = "dropped"
    """It became needless before it was sent: somebody took the alert on, or it is over."""


class ContradictingTimes(InvalidInput):
    """With these times nobody would ever be told anything."""

    code = "contradicting_times"

    def __init__(self) -> None:
        super().__init__(
            "All on-call times lie in the quiet hours: nothing would ever be told.", field="on_call"
        )


@dataclass(frozen=True, slots=True)
class Shift:
    """On call on some weekdays (0: Monday) from a time of day until another.

    Where `until` is not after `begins` it means the next day; both the same are 24 hours.
    """

    weekdays: frozenset[int]
    begins: time
    until: time

    def span(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        """Return when it begins and ends that was begun on a day, in UTC."""
        last = day if self.until > self.begins else day + timedelta(days=1)
        return _moment(day, self.begins, zone), _moment(last, self.until, zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One entry: where somebody is reached, of what, and when.

    Attributes:
        id: The earlier entry has the lower one.
        account: Who pays for what costs credits: the organisation of who entered it.
        target: The address, the number, or what is shown of a secret one.
        zone: IANA; of the times of day.
        detections: Only these watches; empty: all.
        stations: Only about one of these; empty: all.
        locations: Only at one of these; empty: all.
        least: Only what is at least so bad.
        monitored_only: Only about stations that the provider watches.
        after: So long after the raising, and only if nobody took the alert on: a step of a chain.
        repeat: So long after it was told it is told again, until it is solved; None: not again,
            but for jobs: each run that still finds it.
        tells_end: Whether it is told that the alert is over.
        quiet: From and until when nothing is told; None: told at any time.
        breaks_quiet: What is at least so bad is told in quiet hours too; None: nothing.
        shifts: When he is on call; empty: always.
        bundles: Several detections in one message, those of his other entries for the same number
            or address that bundle, too.
    """

    id: int
    organisation: OrganisationKey
    account: OrganisationKey
    person: int | None
    entered_by: str
    entered_by_name: str
    entered_at: datetime
    channel: Channel
    target: str
    label: str | None = None
    language: str
    zone: str
    detections: frozenset[Detection] = frozenset()
    stations: frozenset[StationId] = frozenset()
    locations: frozenset[str] = frozenset()
    least: Severity = Severity.WARNING
    monitored_only: bool = False
    after: timedelta = timedelta(0)
    repeat: timedelta | None = None
    tells_end: bool = True
    quiet: tuple[time, time] | None = None
    breaks_quiet: Severity | None = None
    shifts: tuple[Shift, ...] = ()
    bundles: bool = False

    @property
    def place(self) -> tuple[str, str]:
        """What rings: two entries of one place are told once; secret targets are never alike."""
        if self.channel in (Channel.MAIL, Channel.SMS):
            return self.channel, self.target.casefold()
        return self.channel, str(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The alert that is told of, as it was when something happened to it."""

    alert: int
    organisation: OrganisationKey
    detection: Detection
    cause: str
    severity: Severity
    stations: tuple[StationId, ...]
    location: str | None
    monitored: bool
    is_taken: bool = False
    """Somebody acknowledged or escalated it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that somebody is, was or will be told; `id` is 0 until it is stored."""

    id: int = 0
    alert: int
    recipient: int
    occasion: Change
    number: int = 0
    """Which reminder: 0 is the first time."""
    due_at: datetime
    state: NoticeState = NoticeState.WAITING
    carried_by: int | None = None
    """In the message of which notice it goes along."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a change means for people: what is to be told, and which notices became needless."""

    told: Sequence[Notice] = ()
    dropped: Collection[int] = field(default_factory=frozenset)


# ---------------------------------------------------------------------------------- decided


def decide(
    about: About,
    change: Change,
    recipients: Iterable[Recipient],
    known: Iterable[Notice],
    now: datetime,
) -> Decision:
    """Return what is to be told because of a change of an alert.

    Args:
        about: The alert.
        change: What happened to it.
        recipients: Those of its organisation who still may hear of it.
        known: All notices of the alert.
        now: When it happened.
    """
    notices = list(known)
    listed = sorted(recipients, key=lambda each: each.id)
    if change in _PRESENT:
        told = [] if about.is_taken else _first_times(about, listed, notices, now)
        if change is Change.REPEATED and about.detection is Detection.JOB and not about.is_taken:
            told += _of_each_run(about, listed, notices, now)
        return Decision(told)
    needless = frozenset(each.id for each in notices if each.state is NoticeState.WAITING)
    if change is Change.ESCALATED:
        mails = [each for each in listed if each.channel is Channel.MAIL and wants(each, about)]
        return Decision(
            _once_each_place(about, change, dict.fromkeys(mails, now), notices), needless
        )
    if change in (Change.RECOVERED, Change.CLOSED):
        heard = {each.recipient for each in notices if _was_told(each)}
        due = {
            each: due_at(each, about.severity, now)
            for each in listed
            if each.tells_end and each.id in heard
        }
        return Decision(_once_each_place(about, change, due, notices), needless)
    assert change is Change.ACKNOWLEDGED
    return Decision((), needless)


def _first_times(
    about: About, recipients: Sequence[Recipient], notices: Sequence[Notice], now: datetime
) -> list[Notice]:
    """Return who hears for the first time that the alert was raised."""
    by_id = {each.id: each for each in recipients}
    taken = {
        by_id[each.recipient].place
        for each in notices
        if each.occasion is Change.RAISED
        and each.state is not NoticeState.DROPPED
        and each.recipient in by_id
    }
    due = {
        each: due_at(each, about.severity, now + each.after + _waiting(each))
        for each in recipients
        if wants(each, about) and each.place not in taken
    }
    return _once_each_place(about, Change.RAISED, due, notices)


def _of_each_run(
    about: About, recipients: Sequence[Recipient], notices: Sequence[Notice], now: datetime
) -> list[Notice]:
    """Return the reminders of a job's run: its default interval is one run."""
    told = []
    for each in recipients:
        its = [notice for notice in notices if notice.recipient == each.id]
        if each.repeat is None and any(map(_was_told, its)):
            due = due_at(each, about.severity, now + _waiting(each))
            told.append(_reminder(about.alert, each, its, due))
    return told


def _once_each_place(
    about: About,
    occasion: Change,
    due: Mapping[Recipient, datetime],
    notices: Sequence[Notice],
) -> list[Notice]:
    """Return a notice for each place, of whoever is due first there, else of the earlier entry."""
    done = {each.recipient for each in notices if each.occasion is occasion}
    places: dict[tuple[str, str], Recipient] = {}
    for each in sorted(due, key=lambda each: (due[each], each.id)):
        places.setdefault(each.place, each)
    return [
        Notice(alert=about.alert, recipient=each.id, occasion=occasion, due_at=due[each])
        for each in sorted(places.values(), key=lambda each: each.id)
        if each.id not in done
    ]


def next_reminder(
    recipient: Recipient, severity: Severity, notices: Iterable[Notice], told_at: datetime
) -> Notice | None:
    """Return what is told when the reminder interval ends, if nothing changes until then.

    Args:
        recipient: Who was told.
        severity: Of the alert.
        notices: His notices of the alert, at least one.
        told_at: When he was told now.
    """
    its = [each for each in notices if each.recipient == recipient.id]
    assert its, "a reminder is of something that was told"
    if recipient.repeat is None or any(each.state is NoticeState.WAITING for each in its):
        return None
    due = due_at(recipient, severity, told_at + recipient.repeat)
    return _reminder(its[0].alert, recipient, its, due)


def _reminder(alert: int, recipient: Recipient, its: Sequence[Notice], due: datetime) -> Notice:
    numbers = [each.number for each in its if each.occasion is Change.REPEATED]
    return Notice(
        alert=alert,
        recipient=recipient.id,
        occasion=Change.REPEATED,
        number=max(numbers, default=0) + 1,
        due_at=due,
    )


def _was_told(notice: Notice) -> bool:
    return notice.occasion in (Change.RAISED, Change.ESCALATED) and notice.state in (
        NoticeState.SENT,
        NoticeState.HANDED,
        NoticeState.UNPAID,
    )


def _waiting(recipient: Recipient) -> timedelta:
    return BUNDLED_WITHIN if may_bundle(recipient) else timedelta(0)


def may_bundle(recipient: Recipient) -> bool:
    """Tell whether an entry waits for more; a program gets each alert's facts by themselves."""
    return recipient.bundles and recipient.channel is not Channel.WEBHOOK


def wants(recipient: Recipient, about: About) -> bool:
    """Tell whether somebody wants to hear of an alert at all, whenever that may be."""
    return (
        recipient.organisation == about.organisation
        and about.severity.rank >= recipient.least.rank
        and (not recipient.detections or about.detection in recipient.detections)
        and (not recipient.stations or not recipient.stations.isdisjoint(about.stations))
        and (not recipient.locations or about.location in recipient.locations)
        and (about.monitored or not recipient.monitored_only)
    )


# ------------------------------------------------------------------------------------- times


def due_at(recipient: Recipient, severity: Severity, at: datetime) -> datetime:
    """Return the first moment from one on at which somebody may be told.

    Raises:
        ContradictingTimes: If there is none.
    """
    zone = ZoneInfo(recipient.zone)
    breaks = recipient.breaks_quiet is not None and severity.rank >= recipient.breaks_quiet.rank
    moment = at.astimezone(UTC)
    for _ in range(_TRIES):
        before = moment
        if recipient.shifts:
            moment = _on_call(recipient.shifts, zone, moment)
        if recipient.quiet is not None and not breaks:
            moment = _after_quiet(recipient.quiet, zone, moment)
        if moment == before:
            return moment
    raise ContradictingTimes


def check_times(recipient: Recipient) -> None:
    """Refuse times with which nothing would ever be told.

    Raises:
        ContradictingTimes: If all on-call times lie in the quiet hours.
    """
    due_at(recipient, Severity.INFO, recipient.entered_at)


def _on_call(shifts: Sequence[Shift], zone: ZoneInfo, moment: datetime) -> datetime:
    """Return the moment, or the next begin of a shift."""
    today = moment.astimezone(zone).date()
    spans = [
        shift.span(day, zone)
        for days in range(-1, 9)
        for day in [today + timedelta(days=days)]
        for shift in shifts
        if day.weekday() in shift.weekdays
    ]
    if any(begin <= moment < end for begin, end in spans):
        return moment
    later = [begin for begin, end in spans if begin > moment and end > begin]
    if not later:
        raise ContradictingTimes
    return min(later)


def _after_quiet(quiet: tuple[time, time], zone: ZoneInfo, moment: datetime) -> datetime:
    """Return the moment, or the end of the quiet hours that it lies in."""
    every_day = Shift(frozenset(range(7)), *quiet)
    today = moment.astimezone(zone).date()
    ends = [
        end
        for days in (-1, 0)
        for begin, end in [every_day.span(today + timedelta(days=days), zone)]
        if begin <= moment < end
    ]
    return max(ends, default=moment)


def _moment(day: date, local: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, local, zone).astimezone(UTC)


# ---------------------------------------------------------------------------------- forecast


def expected(recipients: Iterable[Recipient], happened: Iterable[About]) -> int:
    """Return how many messages these alerts would have cost these entries, reminders left out."""
    total = 0
    listed = [each for each in recipients if each.channel is Channel.SMS]
    for about in happened:
        total += len({each.place for each in listed if wants(each, about)})
    return total
