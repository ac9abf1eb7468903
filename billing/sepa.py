"""A payout run as a file for the bank: SEPA credit transfers in pain.001.001.09.

The file holds only what every bank of the SEPA area takes: letters of the Latin set, names of at
most 70 characters, references of at most 35, remittance information of at most 140. Amounts are in
euro; the bank of the payee is named where it is known, which is not needed since 2016.

The same run gives the same bytes.

Source: ISO 20022 pain.001.001.09; EPC115-06 (SEPA credit transfer, customer-to-PSP implementation
guidelines 2023), EPC217-08 (characters).
"""

import unicodedata
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from foundation.money import Money, total

CURRENCY: Final = "EUR"
NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"

_LONGEST_NAME: Final = 70
_LONGEST_REFERENCE: Final = 35
_LONGEST_REMITTANCE: Final = 140

_LETTERS: Final = str.maketrans(
    {
        "ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss",
        "æ": "ae", "Æ": "Ae", "ø": "oe", "Ø": "Oe", "å": "aa", "Å": "Aa", "ł": "l", "Ł": "L",
        "đ": "d", "Đ": "D", "&": "+", "_": "-", "–": "-", "—": "-", "’": "'", "·": "-",
    }
)  # fmt: skip
_ALLOWED: Final = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ "
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who pays or is paid, and where; the IBAN without spaces and checked."""

    name: str
    iban: str
    bic: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One payment.

    Attributes:
        reference: Given through to the payee (end-to-end id); unique.
        amount: In euro, above zero.
        remittance: What it is for.
    """

    reference: str
    to: Account
    amount: Money
    remittance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFile:
    """Payments that leave one account on one day.

    Attributes:
        message_id: Unique with our bank: it takes a file with a known id for the same file.
    """

    message_id: str
    created_at: datetime
    execute_on: date
    debtor: Account
    transfers: Sequence[Transfer]


def pain_001(file: TransferFile) -> bytes:
    """Return the file (UTF-8)."""
    assert file.transfers, "a file without payments"
    amounts = [each.amount for each in file.transfers]
    assert all(each.currency == CURRENCY and each.amount > 0 for each in amounts)
    assert all(each.is_rounded for each in amounts)
    references = [each.reference for each in file.transfers]
    assert len(set(references)) == len(references), "a reference twice"
    count, control_sum = str(len(amounts)), total(amounts, CURRENCY).text
    root = ET.Element("Document", {"xmlns": NAMESPACE})
    initiation = _add(root, "CstmrCdtTrfInitn")
    head = _add(initiation, "GrpHdr")
    _add(head, "MsgId", _reference(file.message_id))
    _add(head, "CreDtTm", file.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    _add(head, "NbOfTxs", count)
    _add(head, "CtrlSum", control_sum)
    _add(_add(head, "InitgPty"), "Nm", _name(file.debtor.name))
    payment = _add(initiation, "PmtInf")
    _add(payment, "PmtInfId", _reference(file.message_id))
    _add(payment, "PmtMtd", "TRF")
    _add(payment, "BtchBookg", "true")
    _add(payment, "NbOfTxs", count)
    _add(payment, "CtrlSum", control_sum)
    _add(_add(_add(payment, "PmtTpInf"), "SvcLvl"), "Cd", "SEPA")
    _add(_add(payment, "ReqdExctnDt"), "Dt", file.execute_on.isoformat())
    _add(_add(payment, "Dbtr"), "Nm", _name(file.debtor.name))
    _account(payment, "DbtrAcct", file.debtor)
    bank = _add(_add(payment, "DbtrAgt"), "FinInstnId")
    if file.debtor.bic:
        _add(bank, "BICFI", file.debtor.bic)
    else:
        _add(_add(bank, "Othr"), "Id", "NOTPROVIDED")
    _add(payment, "ChrgBr", "SLEV")
    for each in file.transfers:
        _transfer(payment, each)
    ET.indent(root, " ")
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _transfer(payment: ET.Element, transfer: Transfer) -> None:
    node = _add(payment, "CdtTrfTxInf")
    _add(_add(node, "PmtId"), "EndToEndId", _reference(transfer.reference))
    amount = _add(_add(node, "Amt"), "InstdAmt", transfer.amount.text)
    amount.set("Ccy", CURRENCY)
    if transfer.to.bic:
        _add(_add(_add(node, "CdtrAgt"), "FinInstnId"), "BICFI", transfer.to.bic)
    _add(_add(node, "Cdtr"), "Nm", _name(transfer.to.name))
    _account(node, "CdtrAcct", transfer.to)
    remittance = latin(transfer.remittance)[:_LONGEST_REMITTANCE].rstrip()
    _add(_add(node, "RmtInf"), "Ustrd", remittance)


def _account(node: ET.Element, name: str, account: Account) -> None:
    _add(_add(_add(node, name), "Id"), "IBAN", account.iban)


def latin(text: str) -> str:
    """Return a text in the letters that every bank takes; what has no likeness becomes a point."""
    plain = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    letters = (each for each in plain if not unicodedata.combining(each))
    return " ".join("".join(each if each in _ALLOWED else "." for each in letters).split())


def _name(text: str) -> str:
    return latin(text)[:_LONGEST_NAME].rstrip()


def _reference(text: str) -> str:
    """Return a reference; banks refuse one that begins with, ends with or doubles a slash."""
    found = latin(text)
    assert len(found) <= _LONGEST_REFERENCE, f"the reference {found} is too long"
    assert not found.startswith("/")
    assert not found.endswith("/")
    assert "//" not in found
    return found


def _add(parent: ET.Element, name: str, text: str | None = None) -> ET.Element:
    node = ET.SubElement(parent, name)
    node.text = text
    return node
