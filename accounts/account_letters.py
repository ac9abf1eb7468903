"""What we write about accounts: that they end soon, and what stopped, in the account's language."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from accounts.directory import Language, Organisation
from accounts.periods import Reminder
from accounts.tiers import Function, Tier
from foundation.mail import Mail

_SUBJECTS: Final = {
    Reminder.MONTH: {
        "en": "{what} expires in one month, on {day}",
        "de": "{what} läuft in einem Monat ab, am {day}",
    },
    Reminder.WEEK: {
        "en": "{what} expires in one week, on {day}",
        "de": "{what} läuft in einer Woche ab, am {day}",
    },
    Reminder.DAY: {
        "en": "{what} expires today, on {day}",
        "de": "{what} läuft heute ab, am {day}",
    },
}
_ACCOUNT: Final = {
    "en": (
        "Dear {name},\n\nyour account runs until {day}. From that day on people can sign in and"
        " read, but changes and exports stop. Charging, authorisation and the recording of sessions"
        " never stop, and nothing is deleted.\n\nApply for its renewal in time: the new term then"
        " follows the old one without a gap.\n\n{link}\n\n{issuer}\n"
    ),
    "de": (
        "Guten Tag {name},\n\nIhr Konto läuft bis zum {day}. Ab diesem Tag kann man sich weiter"
        " anmelden und lesen, Änderungen und Exporte ruhen. Laden, Freigabe und das Aufzeichnen von"
        " Ladevorgängen hören nie auf, und nichts wird gelöscht.\n\nBeantragen Sie die Verlängerung"
        " rechtzeitig: Dann schließt die neue Laufzeit ohne Lücke an.\n\n{link}\n\n{issuer}\n"
    ),
}
_LICENCES: Final = {
    "en": (
        "Dear {name},\n\n{count} licences for metering points run until {day}. Without new ones the"
        " tier of your account may drop, and functions of it are suspended until it rises again."
        " Nothing is deleted, and charging never stops.\n\n{link}\n\n{issuer}\n"
    ),
    "de": (
        "Guten Tag {name},\n\n{count} Lizenzen für Messpunkte gelten bis zum {day}. Ohne neue kann"
        " die Stufe Ihres Kontos sinken; Funktionen ruhen dann, bis sie wieder steigt. Nichts wird"
        " gelöscht, und das Laden hört nie auf.\n\n{link}\n\n{issuer}\n"
    ),
}
_WHAT: Final = {
    "account": {"en": "Your account", "de": "Ihr Konto"},
    "licences": {"en": "A licence", "de": "Eine Lizenz"},
}
_DROPPED_SUBJECT: Final = {
    "en": "Your account is {tier} now",
    "de": "Ihr Konto hat jetzt die Stufe {tier}",
}
_DROPPED: Final = {
    "en": (
        "Dear {name},\n\nthe lowest of your metering points decides about the whole account: its"
        " tier is {tier} now. Suspended until it rises again:\n\n{stops}\n\nNothing was deleted,"
        " and charging goes on. Licences for all metering points bring everything back.\n\n{link}"
        "\n\n{issuer}\n"
    ),
    "de": (
        "Guten Tag {name},\n\nder niedrigste Ihrer Messpunkte entscheidet über das ganze Konto:"
        " Seine Stufe ist jetzt {tier}. Bis sie wieder steigt, ruhen:\n\n{stops}\n\nNichts wurde"
        " gelöscht, und geladen wird weiter. Lizenzen für alle Messpunkte bringen alles zurück."
        "\n\n{link}\n\n{issuer}\n"
    ),
}
_TIERS: Final = {
    Tier.BASIC: "Basic",
    Tier.LIMITED: "Limited",
    Tier.PROFESSIONAL: "Professional",
}
_FUNCTIONS_DE: Final = {
    "values_15_min": "ein Wert alle 15 Minuten über die API",
    "csv_export": "CSV-Export von Hand",
    "values_minute": "ein Wert je Minute über die API",
    "values_second": "ein Wert je Sekunde über die API",
    "commercial": "gewerbliche Nutzung der API",
    "billing": "Abrechnung: Preise, Anteile und Monatsabschluss",
    "auto_export": "automatischer Export: Ereignisse an andere Programme über Webhooks",
    "user_configuration": "Benutzerkonfiguration: eigene Personen und Gruppen",
    "if_then": "Wenn-dann-Regeln",
}
PATH: Final = "/accounts"
"""The page that the links lead to."""


def tier_name(tier: Tier) -> str:
    """Return the name of a tier, which is the same in every language."""
    return _TIERS[tier]


def _day(on: date, language: Language) -> str:
    return on.strftime("%d.%m.%Y") if language == "de" else on.isoformat()


def expiry_mail(
    home: Organisation,
    recipient: str,
    kind: Reminder,
    ends_on: date,
    *,
    licences: int | None,
    public_url: str,
    issuer: str,
) -> Mail:
    """Return the reminder of an end, of the account or of so many licences for metering points."""
    language = home.language
    values = {
        "name": home.name,
        "day": _day(ends_on, language),
        "count": licences,
        "what": _WHAT["account" if licences is None else "licences"][language],
        "link": f"{public_url}{PATH}/{home.key}",
        "issuer": issuer,
    }
    body = _ACCOUNT if licences is None else _LICENCES
    return Mail(
        recipient,
        _SUBJECTS[kind][language].format(**values),
        body[language].format(**values),
        language,
    )


def dropped_mail(
    home: Organisation,
    recipient: str,
    tier: Tier,
    stops: Sequence[Function],
    *,
    public_url: str,
    issuer: str,
) -> Mail:
    """Return the mail that tells what stopped by a lower tier."""
    language = home.language
    named = [_FUNCTIONS_DE[each.key] if language == "de" else each.label for each in stops]
    values = {
        "name": home.name,
        "tier": _TIERS[tier],
        "stops": "\n".join(f"- {each}" for each in named),
        "link": f"{public_url}{PATH}/{home.key}",
        "issuer": issuer,
    }
    return Mail(
        recipient,
        _DROPPED_SUBJECT[language].format(**values),
        _DROPPED[language].format(**values),
        language,
    )
