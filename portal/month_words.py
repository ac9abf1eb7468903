"""What the month end's steps, changes and differences are called on pages."""

from portal.vocabulary import Mark
from portal.words import marked

STEP_STATES: dict[str, Mark] = {
    "waiting": Mark("half", "info", marked("To be done")),
    "done": Mark("tick", "ok", marked("Done")),
    "refused": Mark("triangle", "warning", marked("Not possible yet")),
}

RUN_STATES: dict[str, Mark] = {
    "running": Mark("half", "info", marked("Not finished")),
    "finished": Mark("tick", "ok", marked("Finished")),
}

AGREEMENT_STATES: dict[str, Mark] = {
    "agrees": Mark("tick", "ok", marked("Agrees")),
    "explained": Mark("dot", "ok", marked("Explained")),
    "unexplained": Mark("triangle", "fault", marked("Not explained")),
}

MONTH_STEPS: dict[str, str] = {
    "services": marked("Services"),
    "statements": marked("Statements"),
    "documents": marked("Documents"),
}

SHADOW_CHANGES: dict[str, str] = {
    "added": marked("Came later"),
    "released": marked("Was held, is paid"),
    "held": marked("Was paid, is held"),
    "gone": marked("Not on the statement"),
    "priced": marked("Another price"),
    "shared": marked("Another share or rounding"),
}

CHECKS: dict[str, str] = {
    "registers": marked("Registers and sessions"),
    "sessions": marked("Sessions and records"),
    "ledger": marked("Records and ledger"),
    "statements": marked("Ledger and statements"),
    "documents": marked("Statements and documents"),
    "payouts": marked("Statements and payouts"),
}

DIFFERENCES: dict[str, str] = {
    "energy_gap": marked("The register counted another energy than its sessions"),
    "without_record": marked("The session has no charge detail record"),
    "without_session": marked("There is no such session in the month"),
    "other_energy": marked("Session and record name different energy"),
    "held": marked("The session is not booked"),
    "other_amount": marked("The ledger has booked another amount"),
    "on_no_statement": marked("It stands on no statement and waits for none"),
    "waiting": marked("It waits for a statement"),
    "other_lines": marked("The lines do not add up to the statement"),
    "other_entries": marked("The ledger's entries are not those of the lines"),
    "other_balance": marked("The account has another balance than its parts"),
    "without_document": marked("The statement has no credit note"),
    "other_document": marked("The credit note is over another amount"),
    "not_paid": marked("It has not been paid out, or not all of it"),
}

EXPLANATIONS: dict[str, str] = {
    "on_its_way": marked("Events are still on their way"),
    "held": marked("Held: it waits for a person"),
    "voided": marked("Voided by a person"),
    "late": marked("It came late, and stands on the next statement"),
    "not_closed": marked("The month is not closed yet"),
    "not_invoiced": marked("No credit notes are written to this owner"),
    "not_due": marked("To be paid, and not in a payout run yet"),
    "in_a_run": marked("In a payout run"),
    "carried_forward": marked("What was owed from earlier statements was taken off"),
    "nothing_to_pay": marked("There is nothing to pay"),
    "between_sessions": marked("Energy drawn between sessions"),
    "reset": marked("The register was reset"),
    "no_lifetime_register": marked("The station has no lifetime register"),
    "offline": marked("The station was not connected at that time"),
    "exchanged": marked("The meter was exchanged; its readings are reckoned in"),
}
