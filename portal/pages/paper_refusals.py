"""What papers refuse, by its code, so that it reads in both languages."""

from foundation.errors import ExpectedError, InvalidInput
from portal.rendering import FormErrors
from portal.words import Words, marked

_REFUSALS: dict[str, str] = {
    "wrong_vat_id": marked(
        "This is no VAT id of that country: its form or its check digit is wrong."
    ),
    "wrong_iban": marked("This is no IBAN: its form or its check digits are wrong."),
    "represented_already": marked("Another contact stands for it already."),
    "closed_period": marked("It stands on a document already. Give a later date."),
    "token_on_contract": marked("The token is on a contract in that time."),
    "already_cancelled": marked("It was taken back already."),
    "taken_back_elsewhere": marked("A later document credits its sessions: take that back first."),
    "not_cancellable": marked("A counter-document stays; issue a document anew."),
    "credit_above_invoice": marked("More than what is left of it cannot be taken back."),
    "credited_elsewhere": marked(
        "Parts of it were credited already: let it wait for a new document, or take a part back."
    ),
    "not_payable_document": marked("It is no open invoice."),
    "paid_too_much": marked(
        "That is more than what is left to pay: book the rest for another invoice, or send it back."
    ),
    "number_out_of_order": marked("A later day's document has the last number of the range."),
    "month_still_runs": marked("The month is not over yet."),
    "no_address": marked("The recipient has no mail address."),
    "document_does_not_hold": marked("Something that the norm asks for is missing."),
}


_SENTENCES = (
    marked("Write the day as year, month and day."),
    marked("Write the sum as a number."),
    marked("name must not be empty."),
    marked("street must not be empty."),
    marked("postcode must not be empty."),
    marked("city must not be empty."),
    marked("country must not be empty."),
    marked("country must be an ISO 3166 code, such as DE."),
    marked("email is not a mail address."),
    marked("reason is a sentence of at most 500 characters."),
    marked("**** stands for what is hidden; it is no value."),
    marked("token must be what a driver presents."),
    marked("A contract ends after the day on which it begins."),
    marked("represents names an organisation or a provider, as in organisation/bakery."),
    marked("A month is written as in 2026-10."),
    marked("Each kind has a prefix of its own."),
    marked("A prefix is 1 to 8 capital letters or digits and begins with a letter."),
    marked("A revenue account is 1 to 20 digits or letters."),
)
"""Whole sentences of errors without a code of their own."""


def in_words(error: ExpectedError, said: Words) -> str:
    """Return what an error says, in the reader's language where its code is known."""
    return said.gettext(_REFUSALS.get(error.code, str(error)))


def form_errors(error: ExpectedError, said: Words, *, otherwise: str) -> FormErrors:
    """Return the error beside the field it concerns, or else beside the one named `otherwise`."""
    field = error.field if isinstance(error, InvalidInput) and error.field else otherwise
    return FormErrors({field: in_words(error, said)})
