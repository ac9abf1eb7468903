"""What support's states, kinds and reasons are called on pages; see `portal.vocabulary`."""

from portal.vocabulary import Mark, Reason
from portal.words import marked

TICKET_STATES: dict[str, Mark] = {
    "open": Mark("half", "warning", marked("Open")),
    "closed": Mark("tick", "ok", marked("Closed")),
}

ORDER_STATES: dict[str, Mark] = {
    "draft": Mark("ring", "off", marked("Draft")),
    "requested": Mark("half", "info", marked("Asked for in writing")),
    "confirmed": Mark("dot", "info", marked("Confirmed")),
    "executed": Mark("tick", "ok", marked("Carried out")),
    "failed": Mark("triangle", "fault", marked("Not carried out completely")),
    "withdrawn": Mark("cross", "off", marked("Withdrawn")),
    "expired": Mark("ring", "off", marked("Expired")),
}

USE_STATES: dict[str, Mark] = {
    "open": Mark("half", "info", marked("Under way")),
    "done": Mark("tick", "ok", marked("Done")),
    "not_done": Mark("triangle", "fault", marked("Not done")),
    "unused": Mark("ring", "off", marked("Not sent")),
}

CALL_OUTCOMES: dict[str, str] = {
    "solved": marked("Solved"),
    "answered": marked("Question answered"),
    "ticket": marked("Ticket opened"),
    "order": marked("Written order asked for"),
    "not_solved": marked("Not solved"),
    "broken_off": marked("Caller hung up or drove off"),
    "not_ours": marked("Not our station"),
}

NOTE_KINDS: dict[str, str] = {
    "note": marked("Note"),
    "command": marked("Command"),
    "token": marked("Token checked"),
    "price": marked("Price explained"),
    "bill": marked("Bill explained"),
    "ticket": marked("Ticket opened"),
    "order": marked("Written order"),
    "instruction": marked("Instruction"),
}

TICKET_NOTES: dict[str, str] = {
    "note": marked("Note"),
    "assigned": marked("Given to"),
    "closed": marked("Closed"),
    "reopened": marked("Opened again"),
    "handed_back": marked("Given back to the operator"),
}

VISIT_STATES: dict[str, Mark] = {
    "planned": Mark("ring", "info", marked("Planned")),
    "dispatched": Mark("half", "info", marked("Technician is sent")),
    "documented": Mark("half", "warning", marked("Documented by the technician")),
    "closed": Mark("tick", "ok", marked("Closed")),
    "cancelled": Mark("cross", "off", marked("Called off")),
}

VISIT_KINDS: dict[str, str] = {
    "repair": marked("On-site service"),
    "maintenance": marked("Yearly maintenance"),
}

COVERS: dict[str, str] = {
    "warranty": marked("Warranty (by law)"),
    "guarantee": marked("Guarantee (by the maker)"),
    "chargeable": marked("Chargeable"),
}

MAIN_OUTCOMES: dict[str, str] = {
    "surroundings_restored": marked("Surrounding system works again"),
    "parts_replaced": marked("Housing, cables or electronics replaced"),
    "reconfigured": marked("Unchanged station set up again"),
    "foreign_source_removed": marked("Foreign station or source of interference removed"),
}

YEARLY_STATES: dict[str, Mark] = {
    "overdue": Mark("triangle", "fault", marked("Overdue")),
    "due": Mark("half", "warning", marked("Due within a month")),
    "planned": Mark("half", "info", marked("Planned")),
    "done": Mark("tick", "ok", marked("Done")),
    "later": Mark("ring", "off", marked("Not due yet")),
}

OPENING_ENDS: dict[str, str] = {
    "closed": marked("Ended by hand"),
    "lost": marked("Cut: the access had ended"),
    "idle": marked("Not used any more"),
}

EXCHANGED: dict[str, str] = {
    "meter": marked("Meter"),
    "station": marked("Whole station"),
}

PROMISES: dict[str, str] = {
    "remote": marked("Tried from afar"),
    "answer": marked("Customer answered"),
    "on_site": marked("Technician on site"),
}

PROMISE_STATES: dict[str, Mark] = {
    "met": Mark("tick", "ok", marked("In time")),
    "late": Mark("tick", "warning", marked("Too late")),
    "stopped": Mark("ring", "off", marked("The clock stands")),
    "due": Mark("dot", "info", marked("Due")),
    "urgent": Mark("half", "warning", marked("Due soon")),
    "missed": Mark("triangle", "fault", marked("Missed")),
}

CHANGE_KINDS: dict[str, str] = {
    "command": marked("OCPP command"),
    "tariff": marked("Tariff"),
    "access": marked("Access"),
    "availability": marked("Availability"),
    "firmware": marked("Firmware"),
    "profile": marked("Charging profile"),
    "network": marked("Network"),
    "other": marked("Something else"),
}

TOPICS: dict[str, str] = {
    "danger": marked("Danger: smoke, fire, damage, shock"),
    "cable_stuck_at_car": marked("Cable stuck at the car"),
    "cable_stuck_at_station": marked("Cable stuck at the station"),
    "plug_not_locking": marked("Plug does not lock"),
    "no_start": marked("Charging does not start"),
    "card_refused": marked("Card is refused"),
    "stops_early": marked("Charging stops early"),
    "slow": marked("Charging is slow"),
    "display_dark": marked("Display is dark"),
}

START_MARKS: dict[str, Mark] = {
    "charged": Mark("tick", "ok", marked("Charged")),
    "charging": Mark("square", "info", marked("Charging now")),
    "beginning": Mark("half", "info", marked("Just beginning")),
    "token_refused": Mark("cross", "fault", marked("Token refused")),
    "no_energy": Mark("triangle", "fault", marked("No energy")),
    "fault": Mark("triangle", "fault", marked("Fault")),
    "station_refused": Mark("cross", "fault", marked("Refused by the station")),
    "no_answer": Mark("triangle", "fault", marked("No answer")),
    "not_begun": Mark("triangle", "fault", marked("Did not begin")),
}

START_REASONS: dict[str, str] = {
    "token_refused": marked("The card or app was not accepted. Check the token."),
    "no_energy": marked("It was authorised, but no energy flowed: plug, cable or vehicle."),
    "fault": marked("The station ended it by itself."),
    "station_refused": marked("The station rejected our start. Is the plug in?"),
    "no_answer": marked("The station did not answer our start."),
    "not_begun": marked("The station accepted our start, and nothing followed. Is the plug in?"),
}

TOKEN_ANSWERS: dict[str, Reason] = {
    "accepted": Reason(
        marked("This token may charge"),
        marked("If it is refused nevertheless: clear the station's token cache, then try again."),
    ),
    "blocked": Reason(
        marked("This token is blocked"),
        marked("Whoever issued it blocked it. Only its holder's contract partner can change that."),
    ),
    "expired": Reason(
        marked("This token has expired"),
        marked("Its validity is over. Its holder needs a new one from whoever issued it."),
    ),
    "invalid": Reason(
        marked("This token is not valid"),
        marked("It is entered as not valid. Its holder's contract partner knows why."),
    ),
    "no_credit": Reason(
        marked("This token has no credit"),
        marked("Its account is empty. Once it is filled, it may charge."),
    ),
    "unknown": Reason(
        marked("We do not know this token"),
        marked("Compare it with the print on the card. It may be another provider's: ask there."),
    ),
}
"""The status of a token as one would say it to a caller."""
