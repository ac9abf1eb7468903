"""The mails about change orders: asking for the written order, and telling what came of it."""

from collections.abc import Mapping, Sequence
from typing import Final

from accounts.directory import Organisation
from foundation.identifiers import StationId
from foundation.mail import Mail
from support.change_orders import ChangeOrder
from support.orders import Difference, Item, OrderState, UseState, differences

_REQUEST_SUBJECT: Final = {
    "en": "Please confirm in writing: {title}",
    "de": "Bitte schriftlich bestätigen: {title}",
}
_REQUEST: Final = {
    "en": (
        "Dear {name},\n\n"
        "we were asked by phone for the following change. By phone we change nothing: please"
        " answer this mail with your order, or let an authorised person of your organisation"
        " confirm it in the portal under Change orders. Until then nothing is changed.\n\n"
        "{title}\n\nStations: {stations}\n\n{changes}\n\n{signature}\n"
    ),
    "de": (
        "Guten Tag {name},\n\n"
        "wir wurden telefonisch um die folgende Änderung gebeten. Telefonisch ändern wir nichts:"
        " Bitte antworten Sie auf diese Mail mit Ihrem Auftrag, oder lassen Sie ihn von einer"
        " berechtigten Person Ihrer Organisation im Portal unter Änderungsaufträge bestätigen."
        " Bis dahin wird nichts geändert.\n\n"
        "{title}\n\nStationen: {stations}\n\n{changes}\n\n{signature}\n"
    ),
}
_RESULT_SUBJECT: Final = {
    "en": "Change order {number} {outcome}",
    "de": "Änderungsauftrag {number} {outcome}",
}
_RESULT: Final = {
    "en": (
        "Dear {name},\n\nyour change order {number} ({title}) {outcome}.\n"
        "Your reference: {reference}\n\n{changes}\n\nBy station:\n{stations}\n\n{signature}\n"
    ),
    "de": (
        "Guten Tag {name},\n\nIhr Änderungsauftrag {number} ({title}) {outcome}.\n"
        "Ihr Zeichen: {reference}\n\n{changes}\n\nJe Station:\n{stations}\n\n{signature}\n"
    ),
}
_OUTCOMES: Final[Mapping[OrderState, Mapping[str, str]]] = {
    OrderState.EXECUTED: {"en": "was carried out", "de": "wurde ausgeführt"},
    OrderState.FAILED: {
        "en": "could not be carried out completely",
        "de": "konnte nicht vollständig ausgeführt werden",
    },
    OrderState.EXPIRED: {
        "en": "ended before it was carried out completely",
        "de": "ist abgelaufen, bevor er vollständig ausgeführt war",
    },
    OrderState.WITHDRAWN: {"en": "was withdrawn", "de": "wurde zurückgezogen"},
}
_USES: Final[Mapping[UseState, Mapping[str, str]]] = {
    UseState.DONE: {"en": "done", "de": "erledigt"},
    UseState.NOT_DONE: {"en": "not done", "de": "nicht erledigt"},
    UseState.OPEN: {"en": "under way", "de": "läuft"},
    UseState.UNUSED: {"en": "not sent", "de": "nicht gesendet"},
}
_UNTRIED: Final = {"en": "not tried", "de": "nicht versucht"}
_WAS: Final = {"en": "now: {old}", "de": "jetzt: {old}"}
_NO_REFERENCE: Final = "–"


def request_mail(
    order: ChangeOrder,
    owner: Organisation,
    recipient: str,
    known: Mapping[StationId, Mapping[str, str]],
    *,
    signature: str,
) -> Mail:
    """Return the mail that asks for the written order, in the owner's language.

    Args:
        order: The draft.
        owner: The organisation that owns the stations.
        recipient: Its contact.
        known: The last known settings by station, for the difference.
        signature: Who asks.
    """
    language = owner.language
    values = {
        "name": owner.name,
        "title": order.title,
        "stations": ", ".join(order.stations),
        "changes": _changes(order.items, known, order.stations, language),
        "signature": signature,
    }
    return Mail(
        recipient=recipient,
        subject=_line(_REQUEST_SUBJECT[language].format(**values)),
        body_text=_REQUEST[language].format(**values),
        language=language,
    )


def result_mail(order: ChangeOrder, owner: Organisation, recipient: str, signature: str) -> Mail:
    """Return the mail that tells what came of an order, in the owner's language."""
    language = owner.language
    outcome = _OUTCOMES[order.state][language]
    values = {
        "name": owner.name,
        "number": order.number or "",
        "title": order.title,
        "outcome": outcome,
        "reference": order.reference or _NO_REFERENCE,
        "changes": _changes(order.items, {}, order.stations, language),
        "stations": "\n".join(_station(order, each, language) for each in order.stations),
        "signature": signature,
    }
    return Mail(
        recipient=recipient,
        subject=_line(_RESULT_SUBJECT[language].format(**values)),
        body_text=_RESULT[language].format(**values),
        language=language,
    )


def _line(text: str) -> str:
    """A subject is one line, whatever a title holds."""
    return " ".join(text.split())


def _changes(
    items: Sequence[Item],
    known: Mapping[StationId, Mapping[str, str]],
    stations: Sequence[StationId],
    language: str,
) -> str:
    lines = []
    for item in items:
        if item.action is None:
            lines.append(f"- {item.text}")
            continue
        lines.append(f"- {item.action}" + (f": {item.text}" if item.text else ""))
        # One difference for all stations where they agree; what they had differs otherwise.
        per_station = [differences(item, known.get(each, {})) for each in stations]
        same = all(each == per_station[0] for each in per_station)
        shown = per_station[0] if same else differences(item, {})
        lines += [f"    {_difference(each, language)}" for each in shown]
    return "\n".join(lines)


def _difference(difference: Difference, language: str) -> str:
    was = ""
    if difference.old is not None:
        was = f" ({_WAS[language].format(old=difference.old)})"
    return f"{difference.name} = {difference.new}{was}"


def _station(order: ChangeOrder, station: StationId, language: str) -> str:
    told = []
    for place, item in enumerate(order.items):
        tries = [
            each for each in order.executions if each.station == station and each.place == place
        ]
        said = _USES[tries[-1].state][language] if tries else _UNTRIED[language]
        detail = f" ({tries[-1].result})" if tries and tries[-1].result else ""
        told.append(f"{item.action or item.text}: {said}{detail}")
    return f"- {station}: " + "; ".join(told)
