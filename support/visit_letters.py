"""The mail by which a technician is sent: where, what is wrong, whom to ask, and his link."""

from typing import Final

from foundation.mail import Mail
from support.visits import Visit

_SUBJECT: Final = {
    "en": "On-site service at {station}",
    "de": "Einsatz vor Ort an {station}",
}
_BODY: Final = {
    "en": (
        "Dear {name},\n\nplease go to {station}.\n\nCoordinates: {latitude}, {longitude}\n"
        "Fault analysis: {analysis}\nContact: {contact}\n\n"
        "This link opens your page for the visit, on the first device that uses it:\n{link}\n\n"
        "{signature}\n"
    ),
    "de": (
        "Guten Tag {name},\n\nbitte fahren Sie zu {station}.\n\n"
        "Koordinaten: {latitude}, {longitude}\n"
        "Fehleranalyse: {analysis}\nKontakt: {contact}\n\n"
        "Dieser Link öffnet Ihre Seite für den Einsatz, auf dem ersten Gerät, das ihn benutzt:\n"
        "{link}\n\n{signature}\n"
    ),
}


def dispatch_mail(visit: Visit, link: str, *, language: str, signature: str) -> Mail | None:
    """Return the mail to the technician who is sent; None: he has no address."""
    sent, package = visit.technician, visit.package
    if sent is None or package is None or sent.email is None:
        return None
    known = language if language in _BODY else "en"
    return Mail(
        recipient=sent.email,
        subject=_SUBJECT[known].format(station=visit.station),
        body_text=_BODY[known].format(
            name=sent.name,
            station=visit.station,
            latitude=package.latitude,
            longitude=package.longitude,
            analysis=package.fault_analysis,
            contact=package.contact,
            link=link,
            signature=signature,
        ),
        language=known,
    )
