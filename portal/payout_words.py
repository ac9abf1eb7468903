"""What stands in the way of a payout, and what payouts refuse, in the reader's language."""

from billing.books import AlreadyPaid
from billing.payouts import (
    ConfirmedBySamePerson,
    DayOver,
    Hindrance,
    NoDebtorAccount,
    NothingToPay,
    NotReturnable,
    NotSepaCurrency,
    PayeeNotPayable,
    PayoutOutdated,
    PersonNeeded,
    ReleasedBySamePerson,
    WrongPayoutState,
)
from billing.self_billing import NotOwnersPerson
from foundation.errors import ExpectedError
from portal.vocabulary import Reason
from portal.words import Words, marked

HINDRANCES: dict[Hindrance, Reason] = {
    Hindrance.OWN: Reason(
        marked("Own stations"),
        marked("These are the operator's own stations: nobody is to be paid."),
    ),
    Hindrance.CARRIED_FORWARD: Reason(
        marked("Carried forward"),
        marked("Nothing is owed: the balance is taken off the next payout, nothing is debited."),
    ),
    Hindrance.NOT_DUE: Reason(
        marked("Not due yet"), marked("No statement is due by the chosen day.")
    ),
    Hindrance.TAKEN_BACK: Reason(
        marked("Credit note taken back"),
        marked("The statement is paid when its credit note is written again."),
    ),
    Hindrance.AWAITING_RECEIPT: Reason(
        marked("Waits for the provider"),
        marked(
            "The share of external sessions is due when the provider has paid its invoice: it comes"
            " with the next run after that."
        ),
    ),
    Hindrance.NOT_ACCEPTED: Reason(
        marked("Self-billing not accepted"),
        marked("An authorised person of the owner accepts it under Self-billing."),
    ),
    Hindrance.NO_IBAN: Reason(
        marked("No IBAN"), marked("Ask the owner for the account and enter it.")
    ),
    Hindrance.WRONG_IBAN: Reason(
        marked("Wrong IBAN"),
        marked("Its length or check digits do not fit: ask the owner and correct it."),
    ),
    Hindrance.NOT_SEPA: Reason(
        marked("Account outside of SEPA"),
        marked("Ask the owner for an account within the SEPA area."),
    ),
    Hindrance.IBAN_CHANGED: Reason(
        marked("Account changed"),
        marked(
            "It is not the account that the owner accepted: ask him, by a way that you know, to"
            " accept self-billing again."
        ),
    ),
    Hindrance.IBAN_RETURNED: Reason(
        marked("A payment came back"),
        marked(
            "The bank sent a payment to this account back: ask the owner, by a way that you know,"
            " to check it and to accept self-billing again."
        ),
    ),
    Hindrance.NO_VAT_ID: Reason(
        marked("No VAT ID"), marked("The owner's tax status needs one: ask for it and enter it.")
    ),
    Hindrance.WRONG_VAT_ID: Reason(
        marked("Wrong VAT ID"),
        marked("Its form or check digits do not fit the country: ask the owner and correct it."),
    ),
}


def hindrance_name(hindrance: Hindrance, said: Words) -> str:
    """Return what stands in the way, in a few words."""
    return said.gettext(HINDRANCES[hindrance].name)


def hindrance_advice(hindrance: Hindrance, said: Words) -> str:
    """Return what is to be done about it."""
    return said.gettext(HINDRANCES[hindrance].advice)


def refusal(error: ExpectedError, said: Words) -> str:
    """Return what was refused, and what to do, in the reader's words."""
    if isinstance(error, PayeeNotPayable):
        return f"{hindrance_name(error.hindrance, said)}. {hindrance_advice(error.hindrance, said)}"
    if isinstance(error, NothingToPay):
        text = said.gettext("There is nothing to pay.")
        why = [
            f"{payee}: {hindrance_name(each, said)}"
            for payee, each in sorted(error.hindered.items())
        ]
        return " ".join([text, "; ".join(why)]).strip()
    if isinstance(error, PayoutOutdated):
        return said.gettext(
            "Something was booked or changed since the run was prepared (%(payees)s). Discard it"
            " and prepare a new one."
        ) % {"payees": ", ".join(error.payees)}
    for kind, text in _SENTENCES:
        if isinstance(error, kind):
            return said.gettext(text)
    return said.gettext(str(error))


RETURNED_SENTENCES = (
    marked("A payment comes back on a day that has come."),
    marked("A reason is a line of at most 140 characters."),
)
"""Whole sentences of errors without a code of their own."""

NO_DAY = marked("Write a day, as in 2026-11-03.")
"""What a form's field is refused with that holds no day."""

_SENTENCES: tuple[tuple[type[ExpectedError], str], ...] = (
    (
        ReleasedBySamePerson,
        marked("You have released this run already. The second release is by somebody else."),
    ),
    (PersonNeeded, marked("A person does this, signed in; an API key cannot.")),
    (
        ConfirmedBySamePerson,
        marked("You have said that it was paid. Somebody else says so now."),
    ),
    (
        NotReturnable,
        marked("It cannot come back: the bank does not have it, or it came back before."),
    ),
    (AlreadyPaid, marked("Somebody was faster: the statement is booked as paid.")),
    (
        WrongPayoutState,
        marked("Somebody was faster: the run has another state now. Look at it again."),
    ),
    (
        NoDebtorAccount,
        marked("The operator's own IBAN is missing or wrong: enter it at the organisation."),
    ),
    (DayOver, marked("The day lies in the past.")),
    (NotSepaCurrency, marked("SEPA moves euro only.")),
    (
        NotOwnersPerson,
        marked("Only an authorised person of the owner accepts this, nobody else for him."),
    ),
)
