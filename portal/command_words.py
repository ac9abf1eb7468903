"""What becomes of a command, in words: what is waited for, how it ended, and what that means.

One table per kind. The texts are translated where they are shown; a station's own word is never
shown without its meaning.
"""

from csms.evidence import Shown
from csms.queue import CommandState, Failure
from portal.vocabulary import Reason
from portal.words import marked

STEPS: dict[CommandState, str] = {
    CommandState.QUEUED: marked("waits to be asked again"),
    CommandState.SENT: marked("sent"),
    CommandState.ACCEPTED: marked("accepted"),
    CommandState.REJECTED: marked("rejected by the station"),
    CommandState.EFFECTIVE: marked("done"),
    CommandState.FAILED: marked("failed"),
    CommandState.EXPIRED: marked("expired, never sent"),
    CommandState.CANCELLED: marked("cancelled, never sent"),
}

LOST = marked("connection lost before the answer")
ASKED_AGAIN = marked("connection lost before the answer, asked again")
NOT_ENDED_YET = marked("the session runs on, asked again")
ANSWERED_LATE = marked("answered after all")
SEEN_LATE = marked("done, seen late")
LOOKING = marked("looking for signs that it was done (up to %(time)s)")
OVERTAKEN = Reason(
    marked("It was never sent"),
    marked("The connection ended first. A start, stop or reservation is never sent later."),
)

WAITS: dict[Shown, str] = {
    Shown.ANSWER: marked("waiting for the answer"),
    Shown.START: marked("waiting for the charging to begin (up to %(time)s)"),
    Shown.END: marked("waiting for the session to end (up to %(time)s)"),
    Shown.BOOT: marked("waiting for the station to boot (up to %(time)s)"),
    Shown.UNLOCKED: marked("waiting for the connector's status (up to %(time)s)"),
    Shown.AVAILABILITY: marked("waiting for the connector's status (up to %(time)s)"),
    Shown.RESERVED: marked("waiting for the connector's status (up to %(time)s)"),
    Shown.CONFIGURATION: marked("reading the value back (up to %(time)s)"),
    Shown.LOCAL_LIST: marked("reading the list's version back (up to %(time)s)"),
    Shown.FIRMWARE: marked("waiting for the new firmware to run (up to %(time)s)"),
    Shown.UPLOAD: marked("waiting for the file (up to %(time)s)"),
    Shown.REPORT: marked("waiting for the report (up to %(time)s)"),
    Shown.MESSAGE: marked("waiting for the message (up to %(time)s)"),
}
"""What is waited for after the station said yes."""

SHOWS: dict[Shown, str] = {
    Shown.ANSWER: marked(
        "The station's answer is all there is to see: with it the command is done."
    ),
    Shown.START: marked("“Accepted” is a promise. The command is done when the session begins."),
    Shown.END: marked(
        "“Accepted” is a promise. The command is done when the session's end is known."
    ),
    Shown.BOOT: marked("“Accepted” is a promise. The command is done when the station boots."),
    Shown.UNLOCKED: marked("The command is done when the connector reports that it is free."),
    Shown.AVAILABILITY: marked("The command is done when the connectors report their new status."),
    Shown.RESERVED: marked("The command is done when the connector reports that it is reserved."),
    Shown.CONFIGURATION: marked(
        "The command is done when the value, read back, is the one wanted."
    ),
    Shown.LOCAL_LIST: marked("The command is done when the station names the list's new version."),
    Shown.FIRMWARE: marked("The command is done when the station boots with another version."),
    Shown.UPLOAD: marked("The command is done when the station's file has arrived."),
    Shown.REPORT: marked("The command is done when the last part of the report has come."),
    Shown.MESSAGE: marked("The command is done when the message has come."),
}
"""By what one sees that a command took effect."""

FAILURES: dict[Failure, Reason] = {
    Failure.CALL_ERROR: Reason(
        marked("The station answered with an error"),
        marked("Nothing was done. It may not know this command; ask again, or ask the vendor."),
    ),
    Failure.NO_ANSWER: Reason(
        marked("The station did not answer in time"),
        marked(
            "It may be busy. If its answer or the effect still comes, it is shown here. "
            "Look at the station's state before you ask again."
        ),
    ),
    Failure.NO_EFFECT: Reason(
        marked("Accepted, but nothing happened"),
        marked("The station said yes, and the effect did not show in time. Try a restart."),
    ),
    Failure.OUTCOME_UNKNOWN: Reason(
        marked("It is not known whether it was done"),
        marked(
            "The connection was lost between the question and the answer. It is not asked again by "
            "itself; if the effect shows, it is shown here."
        ),
    ),
}

ENDINGS: dict[CommandState, Reason] = {
    CommandState.REJECTED: Reason(
        marked("The station said no"),
        marked("Nothing was done. It may be in use or out of service; look at its state."),
    ),
    CommandState.EXPIRED: Reason(
        marked("It was never sent"),
        marked("The station did not come back in time. Ask again when it is online."),
    ),
    CommandState.CANCELLED: Reason(
        marked("It was never sent"), marked("It was cancelled while it waited.")
    ),
}

ANSWERS: dict[str, str] = {
    "Accepted": marked("It said yes."),
    "AcceptedCanceled": marked("It said yes, and stopped what it was doing before."),
    "ConnectorLockFailure": marked("The lock of the connector does not move."),
    "Failed": marked("It tried, and failed."),
    "Faulted": marked("The connector is faulty."),
    "FormationViolation": marked("It could not read the message."),
    "FormatViolation": marked("It could not read the message."),
    "GenericError": marked("It gave no reason."),
    "InternalError": marked("Something inside it went wrong."),
    "InvalidCertificate": marked("It does not trust the certificate of the file."),
    "NotImplemented": marked("It does not know this command."),
    "NotSupported": marked("It cannot do this."),
    "NotSupportedOperation": marked("It cannot do this."),
    "Occupied": marked("The connector is in use."),
    "OngoingAuthorizedTransaction": marked("A session is running; stop it first."),
    "PropertyConstraintViolation": marked("A value is not one that it takes."),
    "ProtocolError": marked("It could not read the message."),
    "RebootRequired": marked("It takes effect with the next restart."),
    "Rejected": marked("It said no without a reason."),
    "Scheduled": marked("It does so when the running session has ended."),
    "SecurityError": marked("It refuses this for security."),
    "TypeConstraintViolation": marked("A value is not of the kind that it takes."),
    "Unavailable": marked("The connector is out of service."),
    "UnknownComponent": marked("It does not know the component."),
    "UnknownConnector": marked("It does not know this connector."),
    "UnknownVariable": marked("It does not know the setting."),
    "Unlocked": marked("The connector is unlocked."),
    "UnlockFailed": marked("The lock does not move; somebody must look at it on site."),
    "VersionMismatch": marked("Its list has another version."),
    "DownloadFailed": marked("It could not fetch the file."),
    "InstallationFailed": marked("It could not install the file."),
    "InvalidSignature": marked("The file is not signed as it must be."),
    "UploadFailed": marked("It could not send the file."),
    "UploadFailure": marked("It could not send the file."),
    "NoProfiles": marked("It has no such profiles."),
    "EmptyResultSet": marked("It has nothing to report."),
    "UnknownVendorId": marked("It does not know this vendor."),
}
"""Words of a station with their meaning; any other is shown as its word."""

REASONS: dict[str, str] = {
    "call": marked("on a call"),
    "ticket": marked("for a ticket"),
    "schedule": marked("by a schedule"),
    "api": marked("by the API"),
    "page": marked("in the portal"),
    "campaign": marked("for many stations"),
    "system": marked("by the system"),
}

REFUSALS: dict[str, Reason] = {
    "never_connected": Reason(
        marked("Never connected"), marked("It is not known what the station understands.")
    ),
    "shared_for_reading": Reason(
        marked("Shared for reading only"),
        marked("Its owner shows you the station, but does not let you command it."),
    ),
    "invalid_input": Reason(
        marked("The station cannot be asked for this"), marked("A value does not fit its version.")
    ),
    "station_unreachable": Reason(
        marked("The station has no connection"),
        marked("Nothing was sent, and nothing waits."),
    ),
    "change_order_needed": Reason(
        marked("This needs a written order"),
        marked("It changes a station of somebody else. Ask the owner to order it in writing."),
    ),
    "too_many_commands": Reason(
        marked("Too many of your commands have no answer yet"),
        marked("Wait for one of them, and ask again."),
    ),
    "conflict": Reason(
        marked("Somebody was faster"), marked("Look at the state of things, and ask again.")
    ),
    "station_not_monitored": Reason(
        marked("The hotline may not act for this station"),
        marked(
            "It is not monitored. Its operator switches the monitoring on, in its data sheet under"
            " Operational management, or acts himself."
        ),
    ),
    "package_without_hotline": Reason(
        marked("The hotline may not act for this station"),
        marked(
            "Its service package has no hotline. Its operator acts himself, or takes another"
            " package."
        ),
    ),
    "permission_missing": Reason(
        marked("You may not ask for this"), marked("Your group lacks the right to it.")
    ),
}
"""Why a command was not even taken, by the refusal's code."""
