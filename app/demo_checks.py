"""What must hold after the demo's month: each check compares two independent accounts of it."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pypdf import PdfReader


@dataclass(frozen=True, slots=True)
class Check:
    """One statement about the month, and what was found."""

    name: str
    holds: bool
    found: str


def same_sums(statements: Sequence[Mapping[str, Any]], rows: Iterable[Mapping[str, str]]) -> Check:
    """transactions.csv summed by payee and class is what every statement says, to the cent."""
    sums: dict[tuple[str, str], list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row["statement_id"]:
            key = (row["payee"], row["class"])
            sums[key][0] += Decimal(row["net_amount"])
            sums[key][1] += Decimal(row["payout_amount"])
            counts[key] += 1
    wrong = []
    compared = 0
    for statement in statements:
        for charge_class, total in statement["totals"].items():
            key = (statement["payee"], charge_class)
            net, payout = sums.pop(key, [Decimal(0), Decimal(0)])
            compared += 1
            if (net, payout, counts[key]) != (
                Decimal(total["net_amount"]),
                Decimal(total["payout_amount"]),
                total["sessions"],
            ):
                wrong.append(f"{key}: {net}/{payout}, not {total}")
    wrong += [f"{key}: on no statement" for key in sums]
    return Check(
        "transactions.csv adds up to every statement",
        not wrong and compared > 0,
        "; ".join(wrong) or f"{compared} sums equal",
    )


def same_forms(statement: Mapping[str, Any], csv_text: str, pdf: bytes, xml: bytes) -> Check:
    """A statement says the same as JSON, CSV, PDF and XML, which is inside the PDF too."""
    rows = list(csv.DictReader(io.StringIO(csv_text)))
    lines = [row for row in rows if row["record"] == "line"]
    wrong = []
    if sum((Decimal(row["payout_amount"]) for row in lines), Decimal(0)) != Decimal(
        statement["payout_net"]
    ):
        wrong.append("the CSV's lines do not add up to the payout")
    if len(lines) != len(statement["lines"]):
        wrong.append("the CSV has another number of lines")
    reader = PdfReader(io.BytesIO(pdf))
    if reader.attachments.get("factur-x.xml") != [xml]:
        wrong.append("the XML is not inside the PDF")
    for tag, said in (("LineTotalAmount", "payout_net"), ("DuePayableAmount", "payout_gross")):
        if f"<ram:{tag}>{statement[said]}</ram:{tag}>" not in xml.decode():
            wrong.append(f"the XML does not say {said}")
    text = "".join(page.extract_text() for page in reader.pages)
    plain = text.replace("\u00a0", "").replace("\u202f", "").replace(" ", "")
    shown = {name: Decimal(statement[name]) for name in ("payout_net", "payout_gross")}
    for charge_class, total in statement["totals"].items():
        mine = [row for row in lines if row["class"] == charge_class]
        for name in ("net_amount", "payout_amount"):
            if sum((Decimal(row[name]) for row in mine), Decimal(0)) != Decimal(total[name]):
                wrong.append(f"the CSV's {charge_class} lines do not add up to {name}")
            if total["sessions"]:
                shown[f"{charge_class} {name}"] = Decimal(total[name])
    for name, amount in shown.items():
        english, german = f"{amount:,.2f}", f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
        if english not in plain and german not in plain:
            wrong.append(f"the PDF does not show {name} {amount}")
    return Check(
        f"{statement['statement_id']}: JSON, CSV, PDF and XML agree",
        not wrong,
        "; ".join(wrong) or f"{len(lines)} lines, {statement['payout_gross']} gross",
    )


def books_agree(records: Sequence[Mapping[str, Any]], stored: Sequence[Mapping[str, Any]]) -> Check:
    """Everything the simulators' book says was delivered is stored once, with the same energy."""
    by_key: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in stored:
        by_key[row["station"], row["evse_id"], row["key"]].append(row)
    missing, doubled, different = [], [], []
    delivered = 0
    for record in records:
        if not record["start_acknowledged"] or not record["end_acknowledged"]:
            continue
        delivered += 1
        key = record["ref"] or record["said_started_at"]
        found = by_key.pop((record["station"], record["evse_id"], key), [])
        if not found:
            missing.append(record["key"])
        elif len(found) > 1:
            doubled.append(record["key"])
        elif (
            "backwards" not in record["quirks"]
            and Decimal(str(record["said_energy_wh"])) != found[0]["energy_wh"]
        ):
            different.append(
                f"{record['key']}: {record['said_energy_wh']} Wh said,"
                f" {found[0]['energy_wh']} stored"
            )
    unknown = [key for key, found in by_key.items() for row in found if row["state"] != "active"]
    wrong = {
        "missing": missing,
        "doubled": doubled,
        "of another energy": different,
        "in no book": unknown,
    }
    told = [f"{len(items)} {what}: {items[:3]}" for what, items in wrong.items() if items]
    return Check(
        "the fleet's book and ours agree",
        not told and delivered > 0,
        "; ".join(told) or f"{delivered} of {delivered} stored once with the same energy",
    )
