"""Who hears of alerts: the list with its names and costs, and the form of an entry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, TypeVar

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from accounts import directory
from accounts.permissions import Permission
from alerts import entries, recipients
from alerts.detections import Detection, Severity
from alerts.notices import Channel, NoticeState, Recipient, Shift
from alerts.recipients import Wish
from foundation.database import savepoint
from foundation.errors import Conflict, InvalidInput, Unavailable
from portal import alert_entries
from portal.guard import Caller, require
from portal.pages.refusals import form_errors
from portal.pages.station_sheets import places_of
from portal.pages.support_parts import number_of_path
from portal.pages.surroundings import frame_of, page, went
from portal.rendering import FormErrors, Turn, link
from portal.routes import Context, Db, Now, PageRoute
from portal.vocabulary import DETECTIONS, SEVERITIES
from portal.words import Words, marked

router = APIRouter(route_class=PageRoute, prefix="/alerts/recipients")

Reader = Annotated[Caller, Depends(require(Permission.STATIONS_READ))]
Writer = Annotated[Caller, Depends(require(Permission.ALERTS_WRITE))]

PER_PAGE: Final = 50
_LONGEST: Final = 6000
_Word = TypeVar("_Word", Channel, Detection, Severity)
CHANNELS: Final = {
    Channel.MAIL: marked("Mail"),
    Channel.SMS: marked("SMS"),
    Channel.CHAT: marked("Chat"),
    Channel.WEBHOOK: marked("Webhook"),
}
NOTICE_STATES: Final = {
    NoticeState.WAITING: marked("waits"),
    NoticeState.HANDED: marked("is on its way"),
    NoticeState.SENT: marked("sent"),
    NoticeState.UNPAID: marked("no credit: told by mail"),
    NoticeState.FAILED: marked("not taken"),
    NoticeState.DROPPED: marked("needless by then"),
}
_WEEKDAYS: Final = (
    marked("Monday"),
    marked("Tuesday"),
    marked("Wednesday"),
    marked("Thursday"),
    marked("Friday"),
    marked("Saturday"),
    marked("Sunday"),
)
_SENTENCES: Final = (
    marked("A phone number has its country's code and 7 to 15 digits, as in +49 170 1234567."),
    marked("A time of day is from 00:00 to 23:59, as in 06:30."),
    marked("Quiet hours do not last all day."),
    marked("Name weekdays, from 0 (Monday) to 6 (Sunday)."),
    marked("Wait for 0 to 2880 minutes (two days)."),
    marked("Remind every 15 to 43200 minutes (30 days)."),
    marked("All on-call times lie in the quiet hours: nothing would ever be told."),
    marked("This installation sends no SMS: no gateway is set."),
    marked("The URL must begin with https://"),
    marked("This address is not one of the public internet."),
    marked("This is no URL."),
    marked("This is no address of a chat that is known."),
    marked("This is no mail address."),
    marked("Write whole minutes."),
    marked("Choose one of the list."),
)
"""What an entry is refused with: whole sentences, translated where they are shown."""


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """An entry in the list."""

    number: int
    way: str
    target: str
    label: str | None
    name: str
    account: str
    owner: str
    what: str
    when: str
    is_own: bool


@dataclass(frozen=True, slots=True)
class ShownNotice:
    """What somebody was, is or will be told, as an alert's page shows it."""

    way: str
    target: str
    name: str
    occasion: str
    at: datetime
    state: str
    error: str | None


@router.get("")
async def recipient_list(
    request: Request, db: Db, now: Now, caller: Reader, after: int = 0, n: int = 1
) -> Response:
    """List who hears of alerts, the earlier entries first, and what that will cost."""
    frame = await frame_of(request, db, caller)
    said = frame.words
    first = max(0, min(after, 2**62))
    found = await recipients.listed(db, caller.scope, after=first, limit=PER_PAGE + 1)
    kept = found[:PER_PAGE]
    names = {each.key: each.name for each in await directory.organisations(db, caller.scope)}
    on = None
    if len(found) > PER_PAGE:
        on = link("/alerts/recipients", {"after": kept[-1].id, "n": n + len(kept)})
    values = {
        "entries": [_shown(each, caller, names, said) for each in kept],
        "turn": Turn(n, n + len(kept) - 1, None, "/alerts/recipients" if first else None, on),
        "forecast": await _forecast(db, caller, now),
        "may_write": caller.may(Permission.ALERTS_WRITE),
    }
    return page(frame, "alert_recipients.html", values)


async def _forecast(db: AsyncSession, caller: Caller, now: Now) -> recipients.Forecast | None:
    """Return what the caller's own account will pay; None: he may not know, or nobody pays."""
    if not caller.may(Permission.CREDITS_READ):
        return None
    try:
        found = await recipients.forecast(db, caller.principal.organisation, now=now)
    except Unavailable:
        return None
    return found if found.numbers else None


def _shown(each: Recipient, caller: Caller, names: Mapping[Any, str], said: Words) -> ShownEntry:
    own = alert_entries.is_own(caller, each)
    what = [said.gettext(SEVERITIES[each.least].word)]
    what += [said.gettext(DETECTIONS[one]) for one in sorted(each.detections)]
    when = []
    if each.after:
        minutes = round(each.after.total_seconds() / 60)
        when.append(said.gettext("after %(minutes)s minutes") % {"minutes": minutes})
    if each.quiet is not None:
        span = f"{each.quiet[0]:%H:%M}–{each.quiet[1]:%H:%M}"
        when.append(said.gettext("quiet %(span)s") % {"span": span})
    if each.shifts:
        when.append(said.gettext("on call"))
    return ShownEntry(
        number=each.id,
        way=said.gettext(CHANNELS[each.channel]),
        target=alert_entries.shown_target(caller, each) or "",
        label=alert_entries.shown_label(caller, each),
        name=(each.entered_by_name if own else caller.personal(each.entered_by_name)) or "",
        account=names.get(each.account, each.account) if each.channel is Channel.SMS else "",
        owner=names.get(each.organisation, each.organisation),
        what=", ".join(what),
        when=", ".join(when) or said.gettext("at once"),
        is_own=own,
    )


async def told(db: AsyncSession, caller: Caller, alert: int, said: Words) -> list[ShownNotice]:
    """Return who was, is or will be told of an alert that the caller sees."""
    return [
        ShownNotice(
            way=said.gettext(CHANNELS[each.channel]),
            target=caller.personal(each.label or each.target) or "",
            name=caller.personal(each.entered_by_name) or "",
            occasion=each.occasion.value,
            at=each.settled_at or each.due_at,
            state=said.gettext(NOTICE_STATES[each.state]),
            error=each.error,
        )
        for each in await recipients.told(db, alert)
    ]


# --------------------------------------------------------------------------------- the form


@router.get("/new")
async def new_recipient(request: Request, db: Db, caller: Writer) -> Response:
    """Ask where somebody wants to hear of alerts."""
    return await _form(request, db, caller, None, _blank(caller))


@router.post("/new")
async def create_recipient(
    request: Request, db: Db, now: Now, context: Context, caller: Writer
) -> Response:
    """Enter it."""
    given = _given(await request.form())
    try:
        async with await savepoint(db):
            await alert_entries.create(
                db,
                caller,
                given["organisation"] or None,
                _wish(given, ()),
                context=context,
                now=now,
            )
    except (InvalidInput, Conflict) as error:
        return await _form(request, db, caller, None, given, error)
    return went("/alerts/recipients", done="saved")


@router.get("/{number:segment}")
async def one_recipient(request: Request, db: Db, caller: Reader, number: str) -> Response:
    """Show an entry; whoever made it may change it."""
    found = await recipients.recipient(db, caller.scope, number_of_path("recipient", number))
    return await _form(request, db, caller, found, _as_given(found, caller))


@router.post("/{number:segment}")
async def change_recipient(
    request: Request, db: Db, now: Now, context: Context, caller: Writer, number: str
) -> Response:
    """Change an entry."""
    wanted = number_of_path("recipient", number)
    found = await recipients.recipient(db, caller.scope, wanted)
    given = _given(await request.form())
    given["channel"] = found.channel.value
    try:
        async with await savepoint(db):
            wish = _wish(given, found.shifts)
            await alert_entries.change(db, caller, wanted, wish, context=context, now=now)
    except (InvalidInput, Conflict) as error:
        return await _form(request, db, caller, found, given, error)
    return went("/alerts/recipients", done="saved")


@router.post("/{number:segment}/remove")
async def remove_recipient(db: Db, now: Now, caller: Writer, number: str) -> Response:
    """Use an entry no longer."""
    await alert_entries.remove(db, caller, number_of_path("recipient", number), now=now)
    return went("/alerts/recipients", done="removed")


def _blank(caller: Caller) -> dict[str, Any]:
    """Return what a new entry's form has before anything is entered."""
    return _given(FormData()) | {
        "channel": "mail",
        "least": "warning",
        "organisation": caller.principal.organisation,
        "after_minutes": "0",
    }


def _given(form: FormData) -> dict[str, Any]:
    """Return what was sent, cut to a length that nobody exceeds by writing."""
    names = (
        "channel", "target", "label", "organisation", "location", "stations", "least",
        "after_minutes", "repeat_minutes", "quiet_from", "quiet_until", "breaks_quiet",
        "begins", "until", "tells_end",
    )  # fmt: skip
    found: dict[str, Any] = {name: str(form.get(name, "")).strip()[:_LONGEST] for name in names}
    for name in ("detections", "weekdays"):
        found[name] = tuple(str(each)[:20] for each in form.getlist(name))[:20]
    for name in ("monitored_only", "bundles"):
        found[name] = bool(form.get(name))
    return found


def _as_given(entry: Recipient, caller: Caller) -> dict[str, Any]:
    """Return an entry as its form has it; a sealed URL is not shown again."""
    is_url = entry.channel in (Channel.CHAT, Channel.WEBHOOK)
    shift = entry.shifts[0] if len(entry.shifts) == 1 else None
    repeat = entry.repeat
    return {
        "channel": entry.channel.value,
        "target": "" if is_url else alert_entries.shown_target(caller, entry) or "",
        "label": alert_entries.shown_label(caller, entry) or "",
        "organisation": entry.organisation,
        "location": next(iter(sorted(entry.locations)), ""),
        "stations": ", ".join(sorted(entry.stations)),
        "least": entry.least.value,
        "after_minutes": str(round(entry.after.total_seconds() / 60)),
        "repeat_minutes": "" if repeat is None else str(round(repeat.total_seconds() / 60)),
        "quiet_from": "" if entry.quiet is None else f"{entry.quiet[0]:%H:%M}",
        "quiet_until": "" if entry.quiet is None else f"{entry.quiet[1]:%H:%M}",
        "breaks_quiet": entry.breaks_quiet or "",
        "detections": tuple(entry.detections),
        "weekdays": () if shift is None else tuple(str(each) for each in sorted(shift.weekdays)),
        "begins": "" if shift is None else f"{shift.begins:%H:%M}",
        "until": "" if shift is None else f"{shift.until:%H:%M}",
        "tells_end": "yes" if entry.tells_end else "no",
        "monitored_only": entry.monitored_only,
        "bundles": entry.bundles,
    }


def _wish(given: Mapping[str, Any], before: Sequence[Shift]) -> Wish:
    """Return what was entered.

    Args:
        given: As it was sent.
        before: The shifts that the entry had: more than one are kept, since the form has one.

    Raises:
        InvalidInput: If a word of a choice is none, a number is none, or a shift is wrong.
    """
    shifts: Sequence[Shift] = before if len(before) > 1 else ()
    if given["weekdays"] or given["begins"] or given["until"]:
        days = [int(each) for each in given["weekdays"] if each in set("0123456")]
        shifts = [entries.shift(days, given["begins"], given["until"])]
    return Wish(
        channel=_one_of(Channel, given["channel"], "channel"),
        target=given["target"],
        label=given["label"][:200] or None,
        detections=[_one_of(Detection, each, "detections") for each in given["detections"]],
        stations=[each for each in given["stations"].replace(",", " ").split() if each],
        locations=[given["location"]] if given["location"] else [],
        least=_one_of(Severity, given["least"], "least"),
        monitored_only=given["monitored_only"],
        after_minutes=_minutes(given["after_minutes"] or "0", "after_minutes"),
        repeat_minutes=_minutes(given["repeat_minutes"], "repeat_minutes")
        if given["repeat_minutes"]
        else None,
        tells_end={"yes": True, "no": False}.get(given["tells_end"]),
        quiet_from=given["quiet_from"] or None,
        quiet_until=given["quiet_until"] or None,
        breaks_quiet=_one_of(Severity, given["breaks_quiet"], "breaks_quiet")
        if given["breaks_quiet"]
        else None,
        shifts=shifts,
        bundles=given["bundles"],
    )


def _one_of(words: type[_Word], given: str, field: str) -> _Word:
    try:
        return words(given)
    except ValueError:
        raise InvalidInput("Choose one of the list.", field=field) from None


def _minutes(given: str, field: str) -> int:
    if not (given.isascii() and given.isdecimal() and len(given) < 9):
        raise InvalidInput("Write whole minutes.", field=field)
    return int(given)


async def _form(
    request: Request,
    db: AsyncSession,
    caller: Caller,
    found: Recipient | None,
    given: Mapping[str, Any],
    error: InvalidInput | Conflict | None = None,
) -> Response:
    frame = await frame_of(request, db, caller)
    said = frame.words
    errors = None
    if error is not None:
        errors = form_errors(error, said, otherwise="target")
        if isinstance(error, InvalidInput) and error.code == "invalid_address":
            errors = FormErrors({"target": said.gettext("This is no mail address.")})
    organisations = await directory.organisations(db, caller.scope)
    severities = [(key, said.gettext(mark.word)) for key, mark in SEVERITIES.items()]
    places = await places_of(db, caller.scope)
    values = {
        "found": found,
        "title": None if found is None else alert_entries.shown_label(caller, found),
        "given": given,
        "errors": errors or FormErrors(),
        "target": None if found is None else alert_entries.shown_target(caller, found),
        "way": None if found is None else said.gettext(CHANNELS[found.channel]),
        "channels": [(each.value, said.gettext(word)) for each, word in CHANNELS.items()],
        "organisations": [(each.key, each.name) for each in organisations],
        "places": [("", said.gettext("All")), *sorted(places.items(), key=lambda each: each[1])],
        "severities": severities,
        "ends": [
            ("", said.gettext("By SMS no, since it costs a credit; otherwise yes")),
            ("yes", said.gettext("Yes")),
            ("no", said.gettext("No")),
        ],
        "breaks": [("", said.gettext("Nothing")), *severities],
        "detections": [
            (key, said.gettext(word), key in given["detections"])
            for key, word in DETECTIONS.items()
        ],
        "weekdays": [
            (str(number), said.gettext(word), str(number) in given["weekdays"])
            for number, word in enumerate(_WEEKDAYS)
        ],
        "more_shifts": 0 if found is None or len(found.shifts) < 2 else len(found.shifts),
        "may_change": found is None or alert_entries.is_own(caller, found),
        "may_remove": found is not None and caller.may(Permission.ALERTS_WRITE),
        "name": "" if found is None else caller.personal(found.entered_by_name),
    }
    return page(frame, "alert_recipient.html", values, status=200 if error is None else 422)
