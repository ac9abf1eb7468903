"""What is refused of charging profiles before they leave, to be translated.

The sentences are `csms.profile_rules`' and `csms.operation_modes`'; those that name a field or a
mode of OCPP within them are shown as they are.
"""

from portal.words import marked

SENTENCES = frozenset(
    {
        marked("A start takes a TxProfile only: name that."),
        marked("The transaction has no id before it starts: leave it out."),
        marked("Limits of others are theirs to set: name another purpose."),
        marked("A TxProfile needs the transactionId that it is for."),
        marked("A TxProfile is for one EVSE: name it."),
        marked("Only a TxProfile has a transactionId: leave it out."),
        marked("A ChargingStationMaxProfile is for the whole station: name EVSE 0."),
        marked("A recurring profile needs a recurrencyKind: Daily or Weekly."),
        marked("Only a profile of kind Recurring has a recurrencyKind."),
        marked("invalidAfterOfflineDuration needs a maxOfflineDuration, after which it holds."),
        marked("A maxOfflineDuration is 0 seconds or more."),
        marked("A dynUpdateInterval is 0 seconds or more."),
        marked("A dynamic profile has one schedule: name one."),
        marked("The first period starts at 0."),
        marked("Each period starts after the one before it: put them in order."),
        marked("A relative profile starts with the charging: leave it out."),
        marked("Only a TxProfile or TxDefaultProfile has a randomizedDelay."),
        marked("Only an Absolute or Recurring profile goes by local time."),
        marked("useLocalTime needs the startSchedule that it is about."),
        marked("Only a vehicle has a state of charge: leave limitAtSoC out."),
        marked("A state of charge is 0 to 100 per cent."),
        marked("A limit is 0 or more."),
        marked("A dynamic profile has one period, which is told anew: name one."),
        marked("Only a profile of kind Dynamic can be told anew."),
        marked("The update tells nothing: name a limit or a setpoint."),
        marked(
            "LocalFrequency needs a v2xFreqWattCurve, or a v2xSignalWattCurve with v2xBaseline."
        ),
    }
)
"""Whole sentences; what is not among them is shown in English."""
