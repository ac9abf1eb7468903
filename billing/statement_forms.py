"""A statement as JSON and as CSV: the same value in two shapes, agreeing to the cent.

Moments are ISO 8601 in UTC, energy is in Wh, amounts are decimal strings in the statement's
currency.
"""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from billing.cdr import ChargeClass
from billing.statement_changes import Change, changes, share_of
from billing.statements import ClassTotal, Statement
from foundation.money import Money

CSV_COLUMNS: Final = (
    "statement_id",
    "payee",
    "month",
    "currency",
    "record",
    "transaction_id",
    "station",
    "evse_id",
    "class",
    "started_at",
    "ended_at",
    "energy_wh",
    "net_amount",
    "share_bps",
    "payout_amount",
    "late_from_month",
    "sessions",
    "vat_rate",
    "vat_amount",
    "gross_amount",
    "reason",
    "register_start_wh",
    "register_end_wh",
    "gap_wh",
    "earlier_statement_id",
)
"""The columns of the CSV form; `record` says what a row is.

`line`: a paid session. `total`: the sums of a class. `vat`: VAT at a rate. `payout`: what is paid
out, net, VAT and gross. `due_on_receipt`: what of the net is paid when providers have paid, if
anything is. `unpaid`: a session that is not paid, with its reason. `proof`: an EVSE's
register beside its sessions, with the explanation as reason. `change`: by how much a class, or all
of them (without a class), differ from the payee's earlier statement; there is none without one.
"""


def statement_json(statement: Statement) -> dict[str, Any]:
    """Return the statement in the shape of the API."""
    return {
        "statement_id": statement.statement_id,
        "payee": str(statement.payee.key),
        "month": statement.month,
        "time_zone": statement.time_zone,
        "currency": statement.currency,
        "issued_at": moment_text(statement.issued_at),
        "due_on": statement.due_on.isoformat(),
        "state": statement.state.value,
        "lines": [
            {
                "transaction_id": str(line.transaction_id),
                "station": line.station,
                "evse_id": line.evse_id,
                "class": line.charge_class.value,
                "started_at": moment_text(line.started_at),
                "ended_at": moment_text(line.ended_at),
                "energy_wh": number(line.energy_wh),
                "net_amount": line.net.text,
                "share_bps": line.share_bps,
                "payout_amount": line.payout.text,
                "late_from_month": line.late_from_month,
            }
            for line in statement.lines
        ],
        "totals": {
            each.value: {
                "sessions": total.sessions,
                "energy_wh": number(total.energy_wh),
                "net_amount": total.net.text,
                "payout_amount": total.payout.text,
            }
            for each, total in _totals(statement)
        },
        "payout_net": statement.payout_net.text,
        "vat": [
            {"rate": rate_text(vat.rate), "net": vat.net.text, "amount": vat.amount.text}
            for vat in statement.vat
        ],
        "payout_gross": statement.payout_gross.text,
        "due_on_receipt_net": None
        if statement.due_on_receipt is None
        else statement.due_on_receipt.text,
        "unpaid": [
            {"transaction_id": str(each.transaction_id), "reason": each.reason}
            for each in statement.unpaid
        ],
        "proof": [
            {
                "station": row.station,
                "evse_id": row.evse_id,
                "register_start_wh": number(row.register_start_wh),
                "register_end_wh": number(row.register_end_wh),
                "sessions_wh": number(row.sessions_wh),
                "gap_wh": number(row.gap_wh),
                "explanation": row.explanation.value,
            }
            for row in statement.proof
        ],
        "change": _change_json(statement),
    }


def _change_json(statement: Statement) -> dict[str, Any] | None:
    """Return what differs from the payee's last statement; None if none was looked for."""
    if statement.earlier is None:
        return None
    return {
        "earlier_statement_id": statement.earlier.statement_id,
        "earlier_month": statement.earlier.month,
        "classes": {
            _class_of(each): {
                "before": _figures(
                    each.before.sessions,
                    each.before.energy_wh,
                    each.before.net,
                    share_of(each.before),
                    each.before.payout,
                ),
                "difference": _figures(
                    each.sessions, each.energy_wh, each.net, each.share_bps, each.payout
                ),
            }
            for each in changes(statement)
        },
    }


def _class_of(change: Change) -> str:
    return "all" if change.charge_class is None else change.charge_class.value


def _figures(
    sessions: int, energy_wh: Decimal, net: Money, share_bps: int | None, payout: Money
) -> dict[str, Any]:
    return {
        "sessions": sessions,
        "energy_wh": number(energy_wh),
        "net_amount": net.text,
        "share_bps": share_bps,
        "payout_amount": payout.text,
    }


def statement_json_text(statement: Statement) -> str:
    """Return the JSON form as text, the same for the same statement."""
    return json.dumps(statement_json(statement), ensure_ascii=False, indent=1) + "\n"


def statement_csv(statement: Statement) -> str:
    """Return the CSV form (RFC 4180, with a head), all records in one table."""
    text = io.StringIO()
    writer = csv.DictWriter(text, CSV_COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    head = {
        "statement_id": statement.statement_id,
        "payee": cell(statement.payee.key),
        "month": statement.month,
        "currency": statement.currency,
    }
    for row in _csv_rows(statement):
        writer.writerow(head | {name: "" if item is None else item for name, item in row.items()})
    return text.getvalue()


def _csv_rows(statement: Statement) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "record": "line",
            "transaction_id": line.transaction_id,
            "station": cell(line.station),
            "evse_id": line.evse_id,
            "class": line.charge_class.value,
            "started_at": moment_text(line.started_at),
            "ended_at": moment_text(line.ended_at),
            "energy_wh": _plain(line.energy_wh),
            "net_amount": line.net.text,
            "share_bps": line.share_bps,
            "payout_amount": line.payout.text,
            "late_from_month": line.late_from_month,
        }
        for line in statement.lines
    ]
    rows += (
        {
            "record": "total",
            "class": each.value,
            "energy_wh": _plain(total.energy_wh),
            "net_amount": total.net.text,
            "payout_amount": total.payout.text,
            "sessions": total.sessions,
        }
        for each, total in _totals(statement)
    )
    rows += (
        {
            "record": "vat",
            "payout_amount": vat.net.text,
            "vat_rate": rate_text(vat.rate),
            "vat_amount": vat.amount.text,
        }
        for vat in statement.vat
    )
    rows.append(
        {
            "record": "payout",
            "payout_amount": statement.payout_net.text,
            "vat_amount": (statement.payout_gross - statement.payout_net).text,
            "gross_amount": statement.payout_gross.text,
        }
    )
    if statement.due_on_receipt is not None:
        rows.append({"record": "due_on_receipt", "payout_amount": statement.due_on_receipt.text})
    rows += (
        {
            "record": "unpaid",
            "transaction_id": each.transaction_id,
            "station": cell(each.station),
            "evse_id": each.evse_id,
            "started_at": moment_text(each.started_at),
            "ended_at": moment_text(each.ended_at),
            "energy_wh": _plain(each.energy_wh),
            "reason": each.reason,
        }
        for each in statement.unpaid
    )
    rows += (
        {
            "record": "proof",
            "station": cell(row.station),
            "evse_id": row.evse_id,
            "energy_wh": _plain(row.sessions_wh),
            "register_start_wh": _plain(row.register_start_wh),
            "register_end_wh": _plain(row.register_end_wh),
            "gap_wh": _plain(row.gap_wh),
            "reason": row.explanation.value,
        }
        for row in statement.proof
    )
    rows += (
        {
            "record": "change",
            "class": None if each.charge_class is None else each.charge_class.value,
            "energy_wh": _plain(each.energy_wh),
            "net_amount": each.net.text,
            "share_bps": each.share_bps,
            "payout_amount": each.payout.text,
            "sessions": each.sessions,
            "earlier_statement_id": None
            if statement.earlier is None
            else statement.earlier.statement_id,
        }
        for each in changes(statement)
    )
    return rows


def moment_text(moment: datetime) -> str:
    """Return a moment as ISO 8601 in UTC, as in `2026-10-31T22:59:59Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def number(value: Decimal | None) -> int | float | None:
    """Return a quantity as a JSON number, whole where it is whole."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def rate_text(rate_percent: Decimal) -> str:
    """Return a percentage without needless zeros, as in `19` or `8.1`."""
    return f"{rate_percent.normalize():f}"


def _plain(value: Decimal | None) -> str:
    return "" if value is None else str(number(value))


def cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: stations name themselves."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _totals(statement: Statement) -> list[tuple[ChargeClass, ClassTotal]]:
    return [(each, statement.totals[each]) for each in ChargeClass]
