"""What callers can be told, by topic: the general instructions that every installation has.

Short steps that somebody can follow at the station with a phone in the hand. A model's own
instructions, written by administrators, take their place.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Topic(StrEnum):
    """What a caller's trouble is like."""

    DANGER = "danger"
    CABLE_STUCK_AT_CAR = "cable_stuck_at_car"
    CABLE_STUCK_AT_STATION = "cable_stuck_at_station"
    PLUG_NOT_LOCKING = "plug_not_locking"
    NO_START = "no_start"
    CARD_REFUSED = "card_refused"
    STOPS_EARLY = "stops_early"
    SLOW = "slow"
    DISPLAY_DARK = "display_dark"


@dataclass(frozen=True, slots=True)
class Instruction:
    """What to tell, in both languages; one step a line."""

    topic: Topic
    text_en: str
    text_de: str

    def text(self, language: str) -> str:
        """Return it in the language, or else in English."""
        return self.text_de if language == "de" else self.text_en


SHIPPED: Final = (
    Instruction(
        Topic.DANGER,
        "Touch neither station nor cable; keep others away.\n"
        "With smoke or fire: call 112 first.\n"
        "The emergency stop or the main switch may be used if it can be reached safely.\n"
        "We take the station out of use at once and send a technician.",
        "Weder Station noch Kabel berühren; andere fernhalten.\n"
        "Bei Rauch oder Feuer: zuerst die 112 rufen.\n"
        "Not-Aus oder Hauptschalter nur betätigen, wenn sie gefahrlos erreichbar sind.\n"
        "Wir setzen die Station sofort außer Betrieb und schicken einen Techniker.",
    ),
    Instruction(
        Topic.CABLE_STUCK_AT_CAR,
        "End charging first, in the car or with the card at the station.\n"
        "Unlock the car; many release the plug only then, for some 30 seconds.\n"
        "Push the plug in a little, then pull it straight out; do not twist it.\n"
        "If it stays: the car's emergency release (boot or bonnet, see its manual).",
        "Zuerst den Ladevorgang beenden, im Auto oder mit der Karte an der Station.\n"
        "Auto entriegeln; viele geben den Stecker erst dann frei, für etwa 30 Sekunden.\n"
        "Stecker leicht hineindrücken, dann gerade herausziehen; nicht drehen.\n"
        "Bleibt er stecken: Notentriegelung des Autos (Koffer- oder Motorraum, siehe Handbuch).",
    ),
    Instruction(
        Topic.CABLE_STUCK_AT_STATION,
        "End charging first; take the plug out of the car.\n"
        "Push the plug into the socket and hold it there: we send the command to unlock.\n"
        "Wait for the click, then pull straight.\n"
        "If nothing clicks: we restart the station; the lock opens when it starts up.",
        "Zuerst den Ladevorgang beenden; den Stecker am Auto ziehen.\n"
        "Stecker in die Dose drücken und halten: Wir senden den Befehl zum Entriegeln.\n"
        "Auf das Klicken warten, dann gerade ziehen.\n"
        "Klickt nichts: Wir starten die Station neu; beim Anlauf öffnet die Verriegelung.",
    ),
    Instruction(
        Topic.PLUG_NOT_LOCKING,
        "Look into socket and plug: dirt, water, a bent pin? Then do not use it.\n"
        "Take the plug out at both ends, wait ten seconds.\n"
        "Plug in the car first, then the station, until it clicks.\n"
        "Relieve the cable's weight: it must not pull on the plug.",
        "In Dose und Stecker sehen: Schmutz, Wasser, ein verbogener Stift? Dann nicht benutzen.\n"
        "Stecker an beiden Enden ziehen, zehn Sekunden warten.\n"
        "Zuerst am Auto, dann an der Station einstecken, bis es klickt.\n"
        "Kabel entlasten: Sein Gewicht darf nicht am Stecker ziehen.",
    ),
    Instruction(
        Topic.NO_START,
        "Is the plug fully in at both ends? Take it out and plug in again.\n"
        "Does the car have a timer or a charging limit? Switch both off.\n"
        "Hold the card to the reader for two seconds, and wait for the sign on the display.\n"
        "We can start it from here: is it to be charged to the card, or free of charge?",
        "Steckt der Stecker an beiden Enden ganz? Ziehen und neu einstecken.\n"
        "Hat das Auto eine Abfahrtszeit oder ein Ladelimit? Beides ausschalten.\n"
        "Karte zwei Sekunden an den Leser halten und das Zeichen der Anzeige abwarten.\n"
        "Wir können von hier starten: auf Rechnung der Karte oder kostenlos?",
    ),
    Instruction(
        Topic.CARD_REFUSED,
        "Ask for the number printed on the card, and check it here.\n"
        "Out of the wallet: two cards on top of each other read as none.\n"
        "Is it the card of another provider? Then its own hotline knows why it is refused.\n"
        "Paying without a card: the code on the station, if it has one.",
        "Nach der aufgedruckten Kartennummer fragen und sie hier prüfen.\n"
        "Karte aus der Brieftasche nehmen: zwei Karten übereinander lesen sich wie keine.\n"
        "Ist es die Karte eines anderen Anbieters? Dann weiß dessen Hotline, warum sie abgelehnt"
        " wird.\n"
        "Bezahlen ohne Karte: der Code an der Station, wenn sie einen hat.",
    ),
    Instruction(
        Topic.STOPS_EARLY,
        "What does the car show: full, limit reached, fault?\n"
        "Take the plug out, wait until the station shows that it is free, plug in again.\n"
        "If it stops again within minutes, try the other charge point.",
        "Was zeigt das Auto: voll, Limit erreicht, Fehler?\n"
        "Stecker ziehen, warten, bis die Station frei meldet, neu einstecken.\n"
        "Endet es nach Minuten wieder, den anderen Ladepunkt versuchen.",
    ),
    Instruction(
        Topic.SLOW,
        "The car sets the pace: a car with 11 kW takes 11 kW at a station of 22 kW.\n"
        "A nearly full or cold battery takes less.\n"
        "Does another car charge here? Stations may share their power.",
        "Das Auto gibt das Tempo vor: Ein Auto mit 11 kW lädt an 22 kW mit 11 kW.\n"
        "Ein fast voller oder kalter Akku nimmt weniger auf.\n"
        "Lädt daneben ein zweites Auto? Stationen können sich die Leistung teilen.",
    ),
    Instruction(
        Topic.DISPLAY_DARK,
        "Touch the display or hold a card to it: many sleep.\n"
        "Is the light of neighbouring stations on? If all are dark, the power is out there.\n"
        "If only this one is dark we restart it; it takes up to three minutes.",
        "Anzeige berühren oder eine Karte davorhalten: Viele schlafen.\n"
        "Leuchten die Nachbarstationen? Sind alle dunkel, fehlt dort der Strom.\n"
        "Ist nur diese dunkel, starten wir sie neu; das dauert bis zu drei Minuten.",
    ),
)
"""In the order in which they are shown."""
