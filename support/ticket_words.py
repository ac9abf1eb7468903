"""What tickets say that nobody typed, in the language of the organisation whose they are."""

from typing import Final

_WORDS: Final[dict[str, tuple[str, str]]] = {
    "alert_title": ("{what}: {cause}", "{what}: {cause}"),
    "alert_text": ("From alert {number}.", "Aus Alarm {number}."),
    "alert_grown": ("The alert is now about: {stations}", "Der Alarm betrifft jetzt: {stations}"),
    "alert_recovered": (
        "The alert recovered by itself.",
        "Der Alarm hat sich von selbst erledigt.",
    ),
    "alert_closed": ("The alert was closed.", "Der Alarm wurde geschlossen."),
    "handed_back": (
        (
            "The monitoring of the station has ended. The ticket goes back to the station's"
            " operator; nothing is done about it by the service any more."
        ),
        (
            "Die Betriebsführung der Station ist beendet. Das Ticket geht an den Betreiber der"
            " Station zurück; der Dienst unternimmt dafür nichts mehr."
        ),
    ),
    "missed": (
        "A promised time is over, and nobody has reacted yet.",
        "Eine zugesagte Zeit ist abgelaufen, und noch hat niemand reagiert.",
    ),
    "maintenance_title": ("Yearly maintenance of {station}", "Jährliche Wartung von {station}"),
    "maintenance_text": ("Due on {day}.", "Fällig am {day}."),
    "detection_offline": ("Offline", "Offline"),
    "detection_fault": ("Fault", "Störung"),
    "detection_warning": ("Operating warning", "Betriebswarnung"),
    "detection_security": ("Security event", "Sicherheitsereignis"),
    "detection_failing": ("Green but failing", "Grün, aber ohne Erfolg"),
    "detection_session": ("Odd session", "Auffälliger Ladevorgang"),
    "detection_certificate": ("Certificate near its end", "Zertifikat läuft ab"),
    "detection_clock": ("Clock is wrong", "Uhr geht falsch"),
    "detection_backlog": ("Work piles up", "Arbeit staut sich"),
    "detection_job": ("Error-detection job", "Fehlererkennung"),
    "detection_rule": ("Rule", "Regel"),
}


def said(word: str, language: str) -> str:
    """Return a text in a language; in English where there is no other.

    Raises:
        KeyError: If there is no such text.
    """
    english, german = _WORDS[word]
    return german if language == "de" else english
