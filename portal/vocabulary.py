"""What states and reasons are called on pages, and with which shape and colour they are shown.

One table per kind of state. A state always has a shape, a word and a colour; a reason says what it
is and what to do next. The texts are translated where they are shown.
"""

from dataclasses import dataclass

from portal.words import marked


@dataclass(frozen=True, slots=True)
class Mark:
    """How a state looks: the classes of its shape and colour, and its word in English."""

    shape: str
    tone: str
    word: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is as it is: a short name, and a sentence that says what to do."""

    name: str
    advice: str


STATION_STATES: dict[str, Mark] = {
    "online": Mark("dot", "ok", marked("Online")),
    "pending": Mark("half", "warning", marked("Pending")),
    "offline": Mark("ring", "off", marked("Offline")),
    "faulted": Mark("triangle", "fault", marked("Faulted")),
    "never_connected": Mark("diamond", "off", marked("Never connected")),
}
"""By `contract.md`, and `faulted` for a station that is heard of but reports a fault."""

ADMISSIONS: dict[str, Mark] = {
    "accepted": Mark("tick", "ok", marked("Accepted")),
    "waiting": Mark("half", "warning", marked("Waiting for acceptance")),
    "refused": Mark("cross", "off", marked("Refused")),
}

PERSON_STATES: dict[str, Mark] = {
    "active": Mark("dot", "ok", marked("Active")),
    "deactivated": Mark("cross", "off", marked("Deactivated")),
}

KEY_STATES: dict[str, Mark] = {
    "valid": Mark("dot", "ok", marked("Valid")),
    "over": Mark("ring", "off", marked("Over")),
    "revoked": Mark("cross", "off", marked("Revoked")),
}

WEBHOOK_STATES: dict[str, Mark] = {
    "on": Mark("dot", "ok", marked("On")),
    "failing": Mark("triangle", "warning", marked("Failing")),
    "off": Mark("ring", "off", marked("Off")),
}

DELIVERY_STATES: dict[str, Mark] = {
    "waiting": Mark("half", "info", marked("Waiting")),
    "delivered": Mark("dot", "ok", marked("Delivered")),
    "given_up": Mark("cross", "fault", marked("Given up")),
}

WINDOW_STATES: dict[str, Mark] = {
    "coming": Mark("half", "info", marked("To come")),
    "running": Mark("dot", "warning", marked("Running")),
    "past": Mark("ring", "off", marked("Past")),
    "withdrawn": Mark("cross", "off", marked("Taken back")),
}

SHARE_STATES: dict[str, Mark] = {
    "valid": Mark("dot", "ok", marked("Valid")),
    "coming": Mark("half", "info", marked("To come")),
    "over": Mark("ring", "off", marked("Over")),
}

MAKE_NOTES: dict[str, str] = {
    "server_not_checked": marked(
        "It takes any certificate for ours: its line is no safer than one without TLS."
    ),
    "old_tls": marked("It knows no TLS 1.2: it connects without, or through a proxy."),
    "lowest_stack_level": marked("Of charging profiles it keeps those on stack level 0 alone."),
    "profile_after_start": marked(
        "It refuses a remote start with a charging profile: send the profile after the start."
    ),
}

BALANCE_STATES: dict[str, Mark] = {
    "on": Mark("dot", "ok", marked("Balanced")),
    "off": Mark("ring", "off", marked("Not balanced")),
}

CREDIT_ORDER_STATES: dict[str, Mark] = {
    "unmatched": Mark("triangle", "warning", marked("Nobody's yet")),
    "open": Mark("half", "info", marked("Not booked yet")),
    "booked": Mark("dot", "ok", marked("Booked")),
    "cancelled": Mark("ring", "off", marked("Cancelled")),
}

REMOTE_STATES: dict[str, Mark] = {
    "open": Mark("dot", "ok", marked("On")),
    "off": Mark("half", "off", marked("Switched off")),
    "over": Mark("ring", "off", marked("Over")),
}

ERROR_STATES: dict[str, Mark] = {
    "fault": Mark("triangle", "fault", marked("Fault")),
    "warning": Mark("triangle", "warning", marked("Warning")),
    "over": Mark("tick", "ok", marked("Over")),
}

ALERT_STATES: dict[str, Mark] = {
    "open": Mark("dot", "fault", marked("Nobody's yet")),
    "acknowledged": Mark("half", "info", marked("Taken on")),
    "escalated": Mark("lines", "warning", marked("Escalated")),
    "recovered": Mark("tick", "ok", marked("Recovered")),
    "closed": Mark("square", "off", marked("Closed")),
}

SEVERITIES: dict[str, Mark] = {
    "info": Mark("dot", "info", marked("For information")),
    "warning": Mark("half", "warning", marked("Warning")),
    "fault": Mark("triangle", "fault", marked("Fault")),
    "critical": Mark("diamond", "fault", marked("Critical")),
}

DETECTIONS: dict[str, str] = {
    "offline": marked("Offline"),
    "fault": marked("Fault"),
    "warning": marked("Operating warning"),
    "security": marked("Security"),
    "failing": marked("Green, but failing"),
    "session": marked("Odd session"),
    "certificate": marked("Certificate"),
    "clock": marked("Wrong clock"),
    "backlog": marked("Our own backlog"),
    "job": marked("Error detection"),
    "rule": marked("Own rule"),
}
"""Which watch found something."""

CHECKS: dict[str, str] = {
    "no_message": marked("No message"),
    "no_energy": marked("No energy"),
    "comparison": marked("Comparison in the group"),
    "meter": marked("Comparison of meters"),
}
"""What an error-detection job looks for."""

CHECK_MEANINGS: dict[str, str] = {
    "no_message": marked("A station said nothing at all in these hours."),
    "no_energy": marked(
        "A charge point gave less than 1 Wh, although it usually gives some in these hours of"
        " this day of the week."
    ),
    "comparison": marked(
        "A charge point falls behind the others of its group: in energy per kW of rated power, or"
        " in starts that work."
    ),
    "meter": marked("The main or site meter does not agree with the sum of the sessions."),
}
"""What each check of a job means."""

REMARKS: dict[str, str] = {
    "nothing_heard": marked("No station at all was heard: that is our own silence."),
    "too_few": marked("Less than two could be compared:"),
    "no_rated_power": marked("The rated power is not known:"),
    "no_site_meter": marked("The site meter said nothing:"),
}
"""What a run of a job could not say."""

RUN_RESULTS: dict[str, Mark] = {
    "found": Mark("triangle", "warning", marked("Found something")),
    "nothing": Mark("dot", "ok", marked("Nothing found")),
}

FIRST_AID_STEPS: dict[str, str] = {
    "trigger": marked("Ask for the status once more"),
    "clear_cache": marked("Clear the cache"),
    "unlock": marked("Unlock the connector"),
    "in_service": marked("Put into service"),
    "soft_reset": marked("Restart (soft)"),
    "hard_reset": marked("Restart (hard)"),
    "out_of_service": marked("Take out of service for a time"),
}

RULE_STATES: dict[str, Mark] = {
    "on": Mark("dot", "ok", marked("On")),
    "suspended": Mark("half", "warning", marked("Rests: the tier is too low")),
    "off": Mark("ring", "off", marked("Off")),
}

RULE_REFUSALS: dict[str, str] = {
    "session": marked("Not done: somebody charged there."),
    "window": marked("Not done: a maintenance window ran."),
    "budget": marked("Not done: enough for that day."),
    "connection": marked("Not done: the station was not connected."),
    "other": marked("Not done: first aid was at work there."),
    "not_possible": marked("Not done: it means nothing there."),
    "not_sent": marked("Not done: it could not be asked."),
}
"""Why a step of an if/then rule was not tried."""

METRICS: dict[str, str] = {
    "power_w": marked("Power (W)"),
    "current_a": marked("Current (A)"),
    "voltage_v": marked("Voltage (V)"),
    "temperature_c": marked("Temperature (°C)"),
    "soc_percent": marked("State of charge (%)"),
}
"""What an if/then rule looks at."""

COMPARISONS: dict[str, str] = {
    "above": marked("above"),
    "below": marked("below"),
}

FIRST_AID_RESULTS: dict[str, Mark] = {
    "under_way": Mark("half", "info", marked("Under way")),
    "effective": Mark("tick", "ok", marked("Took effect")),
    "rejected": Mark("cross", "warning", marked("Rejected")),
    "failed": Mark("cross", "fault", marked("Without effect")),
    "not_sent": Mark("ring", "off", marked("Not sent")),
    "not_possible": Mark("ring", "off", marked("Not possible there")),
}

FIRST_AID_OUTCOMES: dict[str, Mark] = {
    "under_way": Mark("half", "info", marked("Under way")),
    "cured": Mark("tick", "ok", marked("Cured")),
    "by_itself": Mark("tick", "ok", marked("Gone by itself")),
    "not_cured": Mark("triangle", "fault", marked("Not cured")),
    "budget_spent": Mark("triangle", "warning", marked("Enough for today")),
    "taken_on": Mark("dot", "info", marked("A person takes care of it")),
    "switched_off": Mark("ring", "off", marked("Switched off")),
    "given_up": Mark("cross", "warning", marked("Its moment never came")),
}

FIRST_AID_WAITS: dict[str, str] = {
    "answer": marked("It waits for the outcome of the command."),
    "effect": marked("It waits to see whether the fault is gone."),
    "session": marked("It waits: somebody is charging at the station."),
    "window": marked("It waits for the end of the maintenance window."),
    "connection": marked("It waits for the station to connect."),
    "other": marked("It waits: another fault of the station is being seen to."),
}

FIRST_AID_HINDRANCES: dict[str, str] = {
    "off": marked("It is switched off."),
    "elsewhere": marked("The station is none of this organisation's."),
    "other_model": marked("The station is of another make or model."),
    "no_package": marked(
        "The station is not monitored, or no service package that gives first aid holds for it."
    ),
    "other_playbook": marked("Another playbook that is on fits the station better."),
}
"""Why a playbook would not begin at a station."""

ALERT_CHANGES: dict[str, str] = {
    "raised": marked("Raised"),
    "repeated": marked("Found again"),
    "grown": marked("Grown"),
    "acknowledged": marked("Taken on"),
    "escalated": marked("Marked as escalated"),
    "recovered": marked("Recovered"),
    "closed": marked("Closed"),
}

RESERVATION_STATES: dict[str, Mark] = {
    "open": Mark("half", "info", marked("Open")),
    "used": Mark("tick", "ok", marked("Used")),
    "over": Mark("ring", "off", marked("Over")),
}

SERVICE_STATES: dict[str, Mark] = {
    "on": Mark("dot", "ok", marked("On")),
    "off": Mark("ring", "off", marked("Off")),
}

RELEASE_STATES: dict[str, Mark] = {
    "released": Mark("tick", "ok", marked("Released")),
    "waiting": Mark("half", "warning", marked("Waits for a second person")),
    "withdrawn": Mark("cross", "off", marked("Withdrawn")),
}

CONNECTOR_STATES: dict[str, Mark] = {
    "available": Mark("dot", "ok", marked("Available")),
    "occupied": Mark("square", "info", marked("Occupied")),
    "charging": Mark("square", "info", marked("Charging")),
    "ev_connected": Mark("half", "info", marked("Vehicle connected")),
    "suspended_ev": Mark("lines", "info", marked("Paused by the vehicle")),
    "suspended_evse": Mark("lines", "warning", marked("Paused by the station")),
    "idle": Mark("half", "info", marked("Finishing")),
    "reserved": Mark("lines", "info", marked("Reserved")),
    "unavailable": Mark("cross", "off", marked("Out of service")),
    "faulted": Mark("triangle", "fault", marked("Faulted")),
    "unknown": Mark("diamond", "off", marked("Unknown")),
}

PLACE_STATES: dict[str, Mark] = {
    "free": Mark("dot", "ok", marked("Free")),
    "in_use": Mark("square", "info", marked("In use")),
    "reserved": Mark("lines", "info", marked("Reserved")),
    "out_of_order": Mark("triangle", "fault", marked("Out of order")),
    "unknown": Mark("diamond", "off", marked("State unknown")),
}
"""A charge point as drivers see it."""

SESSION_STATES: dict[str, Mark] = {
    "active": Mark("dot", "info", marked("Charging now")),
    "ended": Mark("half", "info", marked("Ended")),
    "ended_waiting_for_queue": Mark("half", "warning", marked("Ended, readings outstanding")),
    "inferred_end": Mark("half", "warning", marked("End inferred")),
    "held": Mark("triangle", "warning", marked("Held")),
    "rated": Mark("tick", "ok", marked("Priced")),
    "closed": Mark("square", "ok", marked("In a statement")),
    "void": Mark("cross", "off", marked("Void")),
}

STATEMENT_STATES: dict[str, Mark] = {
    "open": Mark("half", "warning", marked("Open")),
    "sent": Mark("dot", "info", marked("Sent")),
    "paid": Mark("tick", "ok", marked("Paid")),
}

PAYOUT_STATES: dict[str, Mark] = {
    "draft": Mark("ring", "off", marked("Draft")),
    "released_once": Mark("half", "warning", marked("Released once")),
    "released": Mark("dot", "info", marked("Released")),
    "sent": Mark("dot", "info", marked("Sent to the bank")),
    "paid": Mark("tick", "ok", marked("Paid")),
    "discarded": Mark("cross", "off", marked("Discarded")),
}

TOKEN_STATES: dict[str, Mark] = {
    "accepted": Mark("dot", "ok", marked("Accepted")),
    "blocked": Mark("cross", "fault", marked("Blocked")),
    "expired": Mark("ring", "off", marked("Expired")),
    "invalid": Mark("cross", "off", marked("Invalid")),
    "no_credit": Mark("triangle", "warning", marked("No credit")),
}

MAIL_STATES: dict[str, Mark] = {
    "kept": Mark("square", "off", marked("Kept, no mail server set")),
    "waiting": Mark("half", "info", marked("Waiting")),
    "sent": Mark("tick", "ok", marked("Sent")),
    "failed": Mark("triangle", "fault", marked("Failed")),
}

SIGNED_STATES: dict[str, Mark] = {
    "verified": Mark("tick", "ok", marked("Verified")),
    "pending": Mark("half", "warning", marked("Pending")),
    "failed": Mark("cross", "fault", marked("Failed")),
}

COMMAND_STATES: dict[str, Mark] = {
    "queued": Mark("half", "info", marked("Waiting")),
    "sent": Mark("half", "info", marked("Sent")),
    "accepted": Mark("half", "info", marked("Accepted so far")),
    "rejected": Mark("cross", "fault", marked("Rejected")),
    "effective": Mark("tick", "ok", marked("Done")),
    "failed": Mark("triangle", "fault", marked("Failed")),
    "expired": Mark("ring", "off", marked("Expired")),
    "cancelled": Mark("cross", "off", marked("Cancelled")),
}

PAYMENT_STATES: dict[str, str] = {
    "begun": marked("Waiting for your payment"),
    "authorised": marked("The amount is reserved"),
    "starting": marked("Charging is started"),
    "paid": marked("Paid"),
    "released": marked("Nothing was taken"),
    "failed": marked("The payment failed"),
}

HELD_TARIFF_STATES: dict[str, str] = {
    "preparing": marked("The station is told to count costs"),
    "sent": marked("Sent"),
    "held": marked("The station counts by it"),
    "central": marked("Costs are counted centrally"),
    "replaced": marked("Replaced"),
    "cleared": marked("Cleared"),
}

SETTLEMENT_STATES: dict[str, str] = {
    "Settled": marked("Settled"),
    "Canceled": marked("Canceled"),
    "Rejected": marked("Rejected"),
    "Failed": marked("Failed"),
}

PAYMENTS: dict[str, Mark] = {
    "owed": Mark("triangle", "warning", marked("To be looked into")),
    "paid": Mark("tick", "ok", marked("Paid")),
    "under_way": Mark("half", "info", marked("Under way")),
    "nothing": Mark("ring", "off", marked("Nothing was taken")),
    "failed": Mark("cross", "fault", marked("Not paid")),
}
"""Of payments at terminals and by code alike."""

PAYMENT_PLACES: dict[str, str] = {
    "terminal": marked("At the terminal"),
    "code": marked("By code"),
    "session": marked("At the terminal"),
}

OWED_REASONS: dict[str, str] = {
    "claim": marked("Open claim"),
    "no_session": marked("No session known"),
    "no_settlement": marked("No payment known"),
}
"""Why a payment is looked into, or a session; what could not be taken is told with its amount."""

REPORTED_STATES: dict[str, str] = {
    "On": marked("Charges first"),
    "Off": marked("Charges first no longer"),
    "Open": marked("Open"),
    "Closed": marked("Closed"),
    "Started": marked("In force"),
    "Stopped": marked("Not in force"),
    "Superseded": marked("Superseded by another"),
    "Accepted": marked("Accepted"),
    "Processing": marked("Being worked on"),
    "Rejected": marked("Refused"),
    "NoChargingProfile": marked("No profile needed"),
}
"""What a station does with what it holds, or what it was answered."""

PROGRESS_STATES: dict[str, Mark] = {
    "Idle": Mark("ring", "off", marked("Nothing to do")),
    "DownloadScheduled": Mark("half", "info", marked("Fetches the file later")),
    "Downloading": Mark("half", "info", marked("Fetches the file")),
    "DownloadPaused": Mark("half", "warning", marked("Pauses while fetching the file")),
    "Downloaded": Mark("dot", "info", marked("Has the file")),
    "DownloadFailed": Mark("triangle", "fault", marked("Could not fetch the file")),
    "SignatureVerified": Mark("tick", "ok", marked("The signature is right")),
    "InvalidSignature": Mark("triangle", "fault", marked("The signature is wrong")),
    "ChecksumVerified": Mark("tick", "ok", marked("The checksum is right")),
    "InvalidChecksum": Mark("triangle", "fault", marked("The checksum is wrong")),
    "InstallScheduled": Mark("half", "info", marked("Installs later")),
    "Installing": Mark("half", "info", marked("Installs")),
    "InstallRebooting": Mark("half", "info", marked("Restarts with the new version")),
    "InstallVerificationFailed": Mark(
        "triangle", "fault", marked("The file did not pass the station's own checks")
    ),
    "InstallationFailed": Mark("triangle", "fault", marked("Could not install the file")),
    "Installed": Mark("tick", "ok", marked("Installed")),
    "Published": Mark("tick", "ok", marked("Offers the file in its network")),
    "PublishFailed": Mark("triangle", "fault", marked("Could not offer the file in its network")),
    "Uploading": Mark("half", "info", marked("Sends the file")),
    "Uploaded": Mark("tick", "ok", marked("Sent")),
    "UploadFailed": Mark("triangle", "fault", marked("Could not send the file")),
    "UploadFailure": Mark("triangle", "fault", marked("Could not send the file")),
    "PermissionDenied": Mark("triangle", "fault", marked("The place refused the file")),
    "BadMessage": Mark("triangle", "fault", marked("It could not read the request")),
    "NotSupportedOperation": Mark("cross", "fault", marked("It cannot send to such a place")),
    "AcceptedCanceled": Mark("cross", "off", marked("Ended by a newer request")),
}
"""How far a station is with firmware, a log, a publication: OCPP 2.1 part 2, the enumerations
FirmwareStatusEnumType, UploadLogStatusEnumType and PublishFirmwareStatusEnumType; 1.6's are in
them."""

CLASSES: dict[str, str] = {
    "internal": marked("Internal"),
    "external": marked("External"),
}

HOLD_REASONS: dict[str, Reason] = {
    "negative_energy": Reason(
        marked("The meter ran backwards"),
        marked("The end reading is below the start. Compare the readings; void it, or release it."),
    ),
    "impossible_energy": Reason(
        marked("More energy than possible"),
        marked("The energy exceeds what the connector can deliver in that time. Check its power."),
    ),
    "end_before_start": Reason(
        marked("It ends before it starts"),
        marked("The station's clock was probably changed. Compare with the time of arrival."),
    ),
    "missing_start": Reason(
        marked("The start was never reported"),
        marked("Only the end arrived. Check who charged before releasing it."),
    ),
    "inferred_end": Reason(
        marked("The end was never reported"),
        marked("We concluded the end from other signs. A late report of the station replaces it."),
    ),
    "no_tariff": Reason(
        marked("No price applied"),
        marked("Assign a tariff that is valid from before the start, then release it."),
    ),
    "no_payer": Reason(
        marked("Nobody pays for the token"),
        marked("The token belongs to no organisation and no provider. Name one, then release it."),
    ),
    "station_waiting": Reason(
        marked("The station waits for acceptance"),
        marked("Accept the station; its sessions are then priced."),
    ),
    "clock_wrong": Reason(
        marked("The station's clock was wrong"),
        marked("The reported times cannot be right. Compare with the time of arrival."),
    ),
    "impossible_meter": Reason(
        marked("The meter rose implausibly"),
        marked("No vehicle takes that much. Correct the energy, or void it."),
    ),
    "too_much_energy": Reason(
        marked("More energy than is usual"),
        marked("It is above the limit that is set. Set it valid if it was so."),
    ),
    "too_long": Reason(
        marked("Longer than is usual"),
        marked("It is above the limit that is set. Set it valid if it was so."),
    ),
    "signature_failed": Reason(
        marked("The signed meter values do not hold"),
        marked("Compare them with the bill. Without a valid signature it must not be billed."),
    ),
    "signature_missing": Reason(
        marked("The meter signed nothing"),
        marked("The station should send signed values. Check its configuration."),
    ),
    "signature_pending": Reason(
        marked("The signature cannot be checked yet"),
        marked("Register the meter's public key at the station; then it is checked again."),
    ),
    "overlap": Reason(
        marked("Two sessions at once"),
        marked("Another session ran on this EVSE at the same time. One of them is wrong."),
    ),
    "card_in_two_places": Reason(
        marked("The card charged elsewhere at once"),
        marked("The same card charged at another location. Ask its holder which one is right."),
    ),
    "by_hand": Reason(
        marked("Held by hand"),
        marked("Somebody asked to look at it first. Release or void it when that is done."),
    ),
}

PROOF_EXPLANATIONS: dict[str, str] = {
    "none": marked("Not explained yet"),
    "between_sessions": marked("Energy drawn between sessions"),
    "late": marked("Sessions that were reported late"),
    "held": marked("Sessions that are held"),
    "reset": marked("The register was reset"),
    "no_lifetime_register": marked("The station has no lifetime register"),
    "offline": marked("The station was not connected at that time"),
    "exchanged": marked("The meter was exchanged; its readings are reckoned in"),
}

FAULTS: dict[str, Reason] = {
    "ConnectorLockFailure": Reason(
        marked("Connector lock failure"),
        marked(
            "The plug cannot be locked. Ask the driver to plug in again, then send a technician."
        ),
    ),
    "EVCommunicationError": Reason(
        marked("No communication with the vehicle"),
        marked("Try another vehicle or cable before sending anybody."),
    ),
    "GroundFailure": Reason(
        marked("Ground failure"), marked("Do not touch the station; send a technician.")
    ),
    "HighTemperature": Reason(
        marked("Too hot inside"), marked("Power is reduced or off. Check fan and filter.")
    ),
    "InternalError": Reason(
        marked("Internal error"), marked("Restart the station; if it returns, call the vendor.")
    ),
    "OverCurrentFailure": Reason(
        marked("Too much current"), marked("Let a technician check the cable and the vehicle.")
    ),
    "OverVoltage": Reason(
        marked("Voltage too high"), marked("Ask the grid operator about the connection.")
    ),
    "UnderVoltage": Reason(
        marked("Voltage too low"), marked("Ask the grid operator about the connection.")
    ),
    "PowerMeterFailure": Reason(
        marked("The meter fails"),
        marked("Sessions cannot be billed. Take the connector out of service; send a technician."),
    ),
    "PowerSwitchFailure": Reason(
        marked("The power switch fails"),
        marked("The contactor may be welded. Do not touch the station; send a technician."),
    ),
    "ReaderFailure": Reason(
        marked("The card reader fails"),
        marked("Drivers can start by app or phone until it is repaired."),
    ),
    "ResetFailure": Reason(
        marked("The restart failed"), marked("Switch the station off and on on site.")
    ),
    "WeakSignal": Reason(
        marked("Weak mobile signal"),
        marked("Reports may arrive late. Check the antenna or the provider."),
    ),
}
"""OCPP 1.6, section 7.6 ChargePointErrorCode, in words."""

UNKNOWN = Mark("diamond", "off", marked("Unknown"))
"""What is shown for a state that this table does not know."""
