"""What the states and kinds of papers and contacts are called on pages; see `portal.vocabulary`."""

from portal.vocabulary import Mark
from portal.words import marked

DOCUMENT_STATES: dict[str, Mark] = {
    "open": Mark("half", "warning", marked("Open")),
    "sent": Mark("dot", "info", marked("Sent")),
    "paid": Mark("tick", "ok", marked("Paid")),
    "issued": Mark("tick", "ok", marked("Issued")),
    "cancelled": Mark("cross", "off", marked("Taken back")),
}

DOCUMENT_KINDS: dict[str, str] = {
    "invoice": marked("Invoice"),
    "credit_note": marked("Credit note"),
    "cancellation": marked("Cancellation"),
}

CONTACT_KINDS: dict[str, str] = {
    "company": marked("Company"),
    "person": marked("Person"),
}

TAX_STATUSES: dict[str, str] = {
    "standard": marked("Standard VAT"),
    "small_business": marked("Small business"),
    "reverse_charge": marked("Reverse charge"),
    "private": marked("Private"),
}

FINDINGS: dict[str, str] = {
    "issuer_address": marked("The issuer has no address."),
    "issuer_tax": marked("The issuer has neither VAT id nor tax number."),
    "issuer_iban": marked("No account is named that invoices are paid to."),
    "invoicing_off": marked("Automated invoicing is off."),
    "credit_notes_off": marked("Credit notes to owners are off."),
    "no_contact": marked("No contact is recorded: no document is made."),
    "own": marked("The issuer's own charges: nobody writes an invoice to himself."),
    "inactive": marked("The contact is not active: no document is made."),
    "no_contract": marked("Sessions are on nobody's contract: nobody is asked to pay them."),
    "below_zero": marked("More is taken back than charged: it waits for the next month."),
    "no_email": marked("No mail address: documents are made and not sent."),
    "unknown_vat_rate": marked("The VAT rate of the issuer's country is not known."),
    "document_does_not_hold": marked("Something that the norm asks for is missing."),
}
