"""The mails that confirm that a station's monitoring was switched on or ended."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from foundation.events import MonitoringActivated, MonitoringDeactivated
from foundation.mail import Mail
from foundation.money import Money

_ON_SUBJECT: Final = {
    "en": "Monitoring of {station} is switched on",
    "de": "Betriebsführung für {station} ist eingeschaltet",
}
_ON: Final = {
    "en": (
        "Dear {name},\n\n"
        "the monitoring of station {station} was switched on by {by} at {at}.\n\n"
        "{price} A calendar month is charged in full if the monitoring is active at its end,"
        " whenever it was switched on; a month in which it is switched off is not charged.\n\n"
        "{signature}\n"
    ),
    "de": (
        "Guten Tag {name},\n\n"
        "die Betriebsführung für die Station {station} wurde von {by} am {at} eingeschaltet.\n\n"
        "{price} Ein Kalendermonat wird ganz berechnet, wenn die Betriebsführung an seinem Ende"
        " aktiv ist, gleich wann sie eingeschaltet wurde; ein Monat, in dem sie ausgeschaltet wird,"
        " wird nicht berechnet.\n\n"
        "{signature}\n"
    ),
}
_PRICE: Final = {
    "en": "It costs {amount} a month, plus VAT.",
    "de": "Sie kostet {amount} im Monat, zuzüglich Umsatzsteuer.",
}
_NO_PRICE: Final = {
    "en": "No price was agreed for it.",
    "de": "Es ist kein Preis dafür vereinbart.",
}
_OFF_SUBJECT: Final = {
    "en": "Monitoring of {station} has ended",
    "de": "Betriebsführung für {station} ist beendet",
}
_OFF: Final = {
    "en": (
        "Dear {name},\n\n"
        "the monitoring of station {station} ended at {at}: {because}. From now on faults of"
        " the station are yours to see to. Please remove the stickers with the hotline's number."
        "\n\n{signature}\n"
    ),
    "de": (
        "Guten Tag {name},\n\n"
        "die Betriebsführung für die Station {station} endete am {at}: {because}. Um Störungen der"
        " Station kümmern Sie sich von nun an selbst. Bitte entfernen Sie die Aufkleber mit der"
        " Nummer der Hotline.\n\n{signature}\n"
    ),
}
_BECAUSE: Final = {
    "asked": {"en": "{by} switched it off", "de": "{by} hat sie ausgeschaltet"},
    "moved": {
        "en": "the station went to another organisation",
        "de": "die Station ging an eine andere Organisation",
    },
    "decommissioned": {
        "en": "the station was taken out of service",
        "de": "die Station wurde außer Betrieb genommen",
    },
}


def confirmation(
    event: MonitoringActivated | MonitoringDeactivated,
    *,
    recipient: str,
    name: str,
    language: str,
    zone: ZoneInfo,
    signature: str,
) -> Mail:
    """Return the confirmation of a change, in the recipient's language.

    Args:
        event: What happened.
        recipient: The address.
        name: How he is addressed.
        language: `en` or `de`.
        zone: In which the moment is told.
        signature: The operator's name.
    """
    values = {
        "station": event.station,
        "name": name,
        "by": event.by_name,
        "at": _moment(event.happened_at, zone, language),
        "signature": signature,
    }
    if isinstance(event, MonitoringActivated):
        price = _NO_PRICE if event.per_month is None else _PRICE
        amount = "" if event.per_month is None else _amount(event.per_month, language)
        values["price"] = price[language].format(amount=amount)
        subject, body = _ON_SUBJECT, _ON
    else:
        values["because"] = _BECAUSE[event.because][language].format(**values)
        subject, body = _OFF_SUBJECT, _OFF
    return Mail(
        recipient=recipient,
        subject=" ".join(subject[language].format(**values).split()),
        body_text=body[language].format(**values),
        language=language,
    )


def _moment(at: datetime, zone: ZoneInfo, language: str) -> str:
    local = at.astimezone(zone)
    return local.strftime("%d.%m.%Y, %H:%M:%S %Z" if language == "de" else "%Y-%m-%d %H:%M:%S %Z")


def _amount(value: Money, language: str) -> str:
    text = value.rounded().text
    return f"{text.replace('.', ',') if language == 'de' else text} {value.currency}"
