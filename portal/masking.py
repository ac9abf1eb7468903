"""Personal data reads as **** for those without the right to see it: the one place of the rule.

Single values go through `Caller.personal`; this is for what is not made of single values: JSON of
events and of the audit, and the raw frames of the OCPP log.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from accounts.audit import Entry
from accounts.permissions import Permission
from billing.books import BilledTransaction
from billing.statements import Party, Statement
from csms.charging import Transaction
from csms.queue import Command
from foundation.errors import InvalidInput
from foundation.identifiers import TransactionId
from foundation.sealing import Sealer, Unsealable
from portal.guard import Caller
from portal.paging import WrongCursor
from portal.personal import MASK, deed_without_personal, without_personal
from support.calls import Call
from support.change_orders import ChangeOrder
from support.tickets import Ticket, TicketNoteKind

_IN_TEXT = re.compile(
    r'("(?:idTag|parentIdTag|idToken|groupIdToken|groupId|additionalIdToken|eMAID|emaid)"\s*:\s*)'
    r'"(?:[^"\\]|\\.)*"'
)

_CUSTOMER_DATA = re.compile(r'("data"\s*:\s*)"(?:[^"\\]|\\.)*"')
"""What a station tells of a customer, in a NotifyCustomerInformation."""

_CURSOR = "cursor of id tokens"

Facts = Mapping[str, Any]


def changes(caller: Caller, found: Entry) -> tuple[Facts | None, Facts | None]:
    """Return what was before and after a deed as the caller may see it."""
    if caller.may(Permission.CRM_READ):
        return found.before, found.after
    return (
        deed_without_personal(found.deed, found.before),
        deed_without_personal(found.deed, found.after),
    )


def refuse_masked(facts: Mapping[str, Any]) -> None:
    """Refuse masked values that are sent back: they would be written over what they hide.

    Raises:
        InvalidInput: With the first such field.
    """
    for name, value in facts.items():
        if isinstance(value, str) and MASK in value:
            raise InvalidInput("**** stands for what is hidden; it is no value.", field=name)


def frame(caller: Caller, text: str) -> str:
    """Return the text of a frame with the id tokens in it masked, if need be.

    Works on the text, since a frame may be no JSON at all, and is shown as it was.
    """
    return text if caller.may(Permission.CRM_READ) else frame_without_personal(text)


def frame_is_meant(caller: Caller, text: str, q: str | None) -> bool:
    """Tell whether a frame that was found by a part of its text is found by what is shown of it.

    Else searching would tell, bit by bit, what the mask hides.
    """
    return not q or q.casefold() in frame(caller, text).casefold()


def frame_without_personal(text: str) -> str:
    """Return the text of a frame with the id tokens and data of customers in it masked."""
    if "NotifyCustomerInformation" in text:
        text = _CUSTOMER_DATA.sub(rf'\1"{MASK}"', text)
    return _IN_TEXT.sub(rf'\1"{MASK}"', text)


def transaction(caller: Caller, found: Transaction) -> Transaction:
    """Return a transaction as the caller may see it: its id token, and whose that is.

    Of a station that is only shared with him, drivers are never shown.
    """
    if found.id_token is None or caller.personal(found.id_token, found.owner) == found.id_token:
        return found
    is_own = caller.scope.covers(found.owner)
    return replace(
        found,
        id_token=MASK,
        token_organisation=found.token_organisation if is_own else None,
        token_provider=found.token_provider if is_own else None,
    )


def billed(
    caller: Caller, found: Sequence[Transaction], known: Mapping[TransactionId, BilledTransaction]
) -> dict[int, BilledTransaction]:
    """Return what billing made of transactions, where it is the caller's to see.

    Who a station is shared with sees what happens at it, but not what its owner earns.
    """
    return {
        each.transaction_id: known[TransactionId(each.transaction_id)]
        for each in found
        if each.transaction_id in known and caller.scope.covers(each.owner)
    }


def call(caller: Caller, found: Call) -> Call:
    """Return a call as the caller may see it: who called, and who took it."""
    return replace(
        found,
        caller=caller.personal(found.caller, found.organisation),
        opened_by_name=caller.personal(found.opened_by_name) or "",
        notes=tuple(
            replace(each, by_name=caller.personal(each.by_name) or "") for each in found.notes
        ),
    )


def command(caller: Caller, found: Command) -> Command:
    """Return a command as the caller may see it: who asked for it, and for whom."""
    if caller.may(Permission.CRM_READ):
        return found
    return replace(
        found,
        asked_by_name=caller.personal(found.asked_by_name) or "",
        payload=without_personal(found.payload),
        answer=without_personal(found.answer),
    )


def ticket(caller: Caller, found: Ticket) -> Ticket:
    """Return a ticket as the caller may see it: who opened it, had it, wrote to it."""
    return replace(
        found,
        opened_by_name=caller.personal(found.opened_by_name) or "",
        notes=tuple(
            replace(
                each,
                by_name=caller.personal(each.by_name) or "",
                text=(caller.personal(each.text) or "")
                if each.kind is TicketNoteKind.ASSIGNED
                else each.text,
            )
            for each in found.notes
        ),
    )


def change_order(caller: Caller, found: ChangeOrder) -> ChangeOrder:
    """Return a change order as the caller may see it: who ordered it, and for whom."""
    if caller.may(Permission.CRM_READ):
        return found
    return replace(
        found,
        items=tuple(replace(each, payload=without_personal(each.payload)) for each in found.items),
        drafted_by_name=caller.personal(found.drafted_by_name) or "",
        requested_from=caller.personal(found.requested_from),
        confirmed_by_name=caller.personal(found.confirmed_by_name),
    )


def statement(caller: Caller, found: Statement) -> Statement:
    """Return a statement as the caller may see it; both stand on it with address and account."""
    if caller.may(Permission.CRM_READ):
        return found
    return replace(found, payee=_party(found.payee), issuer=_party(found.issuer))


def _party(found: Party) -> Party:
    return replace(
        found,
        address=(MASK,) if found.address else (),
        vat_id=MASK if found.vat_id else None,
        iban=MASK if found.iban else None,
    )


def cursor_of(caller: Caller, sealer: Sealer, key: str) -> str:
    """Return what stands in a cursor for an id token: the token itself only for who may see it."""
    if caller.may(Permission.CRM_READ):
        return key
    return sealer.seal(key.encode(), _CURSOR).hex()


def key_in_cursor(caller: Caller, sealer: Sealer, written: str) -> str:
    """Return the id token that a cursor stands behind.

    Raises:
        WrongCursor: If it is none of ours.
    """
    if caller.may(Permission.CRM_READ):
        return written
    try:
        return sealer.unseal(bytes.fromhex(written), _CURSOR).decode()
    except (ValueError, Unsealable):
        raise WrongCursor from None


def entry(caller: Caller, found: Entry) -> dict[str, Any]:
    """Return an entry of the audit as the caller may see it, by the names of the API."""
    before, after = changes(caller, found)
    return {
        "id": found.id,
        "organisation": found.organisation,
        "number": found.number,
        "at": found.at,
        "actor": found.actor.id,
        "actor_name": caller.personal(found.actor.name) or "",
        "door": found.actor.door,
        "address": found.actor.address,
        "deed": found.deed,
        "subject": subject(caller, found.subject),
        "change_order": found.order,
        "before": before,
        "after": after,
        "hash": found.hash,
    }


def subject(caller: Caller, text: str) -> str:
    """Return the subject of an entry of the audit; an id token's names somebody's card."""
    kind, slash, _ = text.partition("/")
    if kind == "id_token" and slash and not caller.may(Permission.CRM_READ):
        return f"{kind}/{MASK}"
    return text
