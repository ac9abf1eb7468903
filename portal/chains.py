"""A session explained from the frame to the payout, to the cent: gathered, told, and as JSON.

The rooms are asked for what they keep; nothing is computed here. What somebody may not see is left
out: the ledger accounts of others, the papers of whoever pays, the frames.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from accounts.directory import WHOLE, Scope
from billing import chain
from billing.chain import BillingChain, OnStatement, Paper, Rated
from billing.ledger import JournalEntry, LedgerAccount
from billing.statement_forms import moment_text
from billing.terms import Basis
from csms import charging
from csms.charging import StoredReading, StoredReport, Transaction
from foundation.identifiers import OrganisationKey
from foundation.money import Money
from portal import formats
from portal.price_words import price_line
from portal.words import Words, marked


@dataclass(frozen=True, slots=True)
class Chain:
    """A session with all that was made of it; `sees` says whose accounts are shown."""

    transaction: Transaction
    reports: tuple[StoredReport, ...]
    readings: tuple[StoredReading, ...]
    billing: BillingChain
    sees: Scope


@dataclass(frozen=True, slots=True)
class Row:
    """One fact of a link: what it is, and its value or amount."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain, as it is shown."""

    key: str
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum that was computed twice, as it is shown."""

    sentence: str
    expected: str
    found: str
    holds: bool


async def chain_of(
    db: AsyncSession, transaction: Transaction, *, sees: Scope = WHOLE, with_frames: bool = True
) -> Chain:
    """Return the chain of a transaction; that it may be seen, the caller checked.

    Args:
        db: A unit of work.
        transaction: The session.
        sees: Whose ledger accounts are shown; the papers of payers only to the whole installation.
        with_frames: Whether the raw messages are shown.
    """
    number = transaction.transaction_id
    reports = await charging.reports(db, number) if with_frames else []
    return Chain(
        transaction=transaction,
        reports=tuple(reports),
        readings=tuple(await charging.readings(db, number)),
        billing=await chain.chain(db, number),
        sees=sees,
    )


# -------------------------------------------------------------------------------------- told

_ACCOUNTS = {
    "receivable": marked("owed by provider %(party)s"),
    "clearing": marked("charged by tokens of %(party)s"),
    "unsettled": marked("waiting for a statement of %(party)s"),
    "payable": marked("payable to %(party)s"),
    "fees": marked("kept by the operator"),
    "vat": marked("VAT"),
    "bank": marked("bank"),
}

_KINDS = {
    "start": marked("Start"),
    "update": marked("Update"),
    "end": marked("End"),
    "meter": marked("Readings"),
}

_PROOFS = {
    "lines_make_the_price": marked("The price lines add up to the session's price"),
    "price_is_booked": marked("The ledger has booked exactly that"),
    "record_is_on_the_line": marked("The statement's line has the same revenue"),
    "share_is_within_a_cent": marked("The payout is the share, rounded by less than a cent"),
    "groups_make_the_payout": marked("The groups add up to the statement's payout"),
    "tax_comes_on_top": marked("Payout and VAT add up to what is paid out"),
    "payout_is_booked": marked("The ledger owes the owner exactly that"),
}

_BASES = {Basis.NET: marked("of the net revenue"), Basis.GROSS: marked("of the gross revenue")}


@dataclass(frozen=True, slots=True)
class _Teller:
    """Writes values in a language and the session's zone."""

    said: Words
    zone: ZoneInfo

    def moment(self, at: datetime) -> str:
        return formats.moment(at, self.zone, self.said.locale, seconds=True)

    def money(self, amount: Money) -> str:
        return formats.money(amount, self.said.locale)

    def exact(self, amount: Money) -> str:
        return formats.unit_price(amount, self.said.locale)

    def kwh(self, energy_wh: Decimal | None) -> str:
        if energy_wh is None:
            return "–"
        return f"{formats.kwh(energy_wh, self.said.locale, 3)} kWh"

    def account(self, account: LedgerAccount) -> str:
        name = _ACCOUNTS.get(account.kind)
        if name is None:
            return account.name
        return self.said.gettext(name) % {"party": account.party}


def told(found: Chain, said: Words) -> tuple[Link, ...]:
    """Return the chain's links in their order, in a language."""
    write = _Teller(said, ZoneInfo(found.transaction.time_zone))
    links = [
        Link("messages", said.gettext("What the station said"), _messages(found, write)),
        Link("transaction", said.gettext("The session"), _transaction(found, write)),
        Link("readings", said.gettext("Readings"), _readings(found.readings, write)),
        Link("terms", said.gettext("Terms, frozen at the start"), _terms(found, write)),
    ]
    for record in found.billing.records:
        title = said.gettext("Charge detail record %(number)s, revision %(revision)s") % {
            "number": record.cdr.cdr_id,
            "revision": record.cdr.revision,
        }
        links.append(Link("record", title, _record(record, write)))
    links.append(
        Link(
            "postings",
            said.gettext("Postings"),
            _postings(found.billing.entries, found.sees, write),
        )
    )
    if found.sees.is_whole:
        links.append(
            Link(
                "papers",
                said.gettext("Documents to whoever pays"),
                _papers(found.billing.papers, write),
            )
        )
    for line in found.billing.lines:
        title = said.gettext("Statement line %(line)s") % {"line": line.line}
        links.append(Link("statement", title, _statement(line, write)))
        title = said.gettext("Document and payout of %(statement)s") % {
            "statement": line.statement.statement_id
        }
        links.append(Link("payout", title, _payout(line, found.sees, write)))
    return tuple(each for each in links if each.rows)


def sums(found: Chain, said: Words) -> tuple[Sum, ...]:
    """Return every sum of the chain, computed again, in a language."""
    locale = said.locale
    return tuple(
        Sum(
            said.gettext(_PROOFS[each.key]),
            formats.money(each.expected, locale),
            formats.money(each.found, locale),
            each.holds,
        )
        for each in found.billing.proofs
    )


def _messages(found: Chain, write: _Teller) -> tuple[Row, ...]:
    said = write.said
    rows = []
    for each in found.reports:
        text = said.gettext("%(kind)s, received %(moment)s, message %(number)s") % {
            "kind": said.gettext(_KINDS.get(each.kind, each.kind)),
            "moment": write.moment(each.received_at),
            "number": each.report_id,
        }
        rows.append(Row(text, each.raw))
    return tuple(rows)


def _transaction(found: Chain, write: _Teller) -> tuple[Row, ...]:
    said, transaction = write.said, found.transaction
    rows = [
        Row(said.gettext("Station and EVSE"), f"{transaction.station}/{transaction.evse_id}"),
        Row(said.gettext("Started"), write.moment(transaction.started_at)),
    ]
    if transaction.ended_at is not None:
        rows.append(Row(said.gettext("Ended"), write.moment(transaction.ended_at)))
    rows += [
        Row(said.gettext("Register at the start"), write.kwh(transaction.meter_start_wh)),
        Row(said.gettext("Register at the end"), write.kwh(transaction.meter_stop_wh)),
        Row(said.gettext("Energy"), write.kwh(transaction.energy_wh)),
        Row(said.gettext("Revision"), str(transaction.revision)),
    ]
    return tuple(rows)


def _readings(readings: Sequence[StoredReading], write: _Teller) -> tuple[Row, ...]:
    return tuple(
        Row(write.moment(each.measured_at), write.kwh(each.energy_register_wh))
        for each in readings
        if each.energy_register_wh is not None
    )


def _terms(found: Chain, write: _Teller) -> tuple[Row, ...]:
    said, terms = write.said, found.billing.terms
    if terms is None:
        return ()
    none = said.gettext("none")
    tariff = none if terms.tariff is None else f"{terms.tariff[0]}, v{terms.tariff[1]}"
    share = f"{formats.share(terms.share_bps, said.locale)} {said.gettext(_BASES[terms.basis])}"
    rows = [
        Row(said.gettext("Tariff and version"), tariff),
        Row(said.gettext("Class"), said.gettext(_CLASSES[terms.charge_class.value])),
        Row(said.gettext("Owner's share"), share),
        Row(said.gettext("Agreement"), str(terms.agreement_id or none)),
        Row(said.gettext("Frozen"), write.moment(terms.frozen_at)),
    ]
    if terms.purchase is not None:
        bought = f"{terms.purchase[0]}, v{terms.purchase[1]}"
        rows.insert(1, Row(said.gettext("Purchase tariff"), bought))
    return tuple(rows)


_CLASSES = {"internal": marked("internal"), "external": marked("external")}


def _record(record: Rated, write: _Teller) -> tuple[Row, ...]:
    said, cdr = write.said, record.cdr
    rows = [Row(said.gettext("Energy"), write.kwh(cdr.energy_wh))]
    for line in cdr.lines:
        priced = price_line(line, said)
        exact = f"{write.exact(line.exact)} → {write.money(line.net)}"
        name = f"{priced.sentence} ({priced.why})" if priced.why else priced.sentence
        rows.append(Row(name, exact))
    rows += [
        Row(said.gettext("Net"), write.money(cdr.net)),
        Row(said.gettext("VAT"), write.money(cdr.vat)),
        Row(said.gettext("Gross"), write.money(cdr.gross)),
    ]
    if cdr.purchase is not None:
        rows.append(Row(said.gettext("Purchase price"), write.money(cdr.credited)))
    return tuple(rows)


def _seen(entry: JournalEntry, sees: Scope) -> list[tuple[LedgerAccount, Money]]:
    """Return the postings on accounts that somebody may see: his own, or all."""
    return [
        (each.account, each.amount)
        for each in entry.postings
        if sees.is_whole
        or (each.account.party is not None and sees.covers(OrganisationKey(each.account.party)))
    ]


def _postings(entries: Mapping[int, JournalEntry], sees: Scope, write: _Teller) -> tuple[Row, ...]:
    rows = []
    for number, entry in entries.items():
        for account, amount in _seen(entry, sees):
            rows.append(Row(f"{number}: {write.account(account)}", write.money(amount)))
    return tuple(rows)


def _papers(papers: Iterable[Paper], write: _Teller) -> tuple[Row, ...]:
    said = write.said
    rows = []
    for each in papers:
        text = said.gettext("%(number)s of %(day)s") % {
            "number": each.number,
            "day": formats.day(each.issued_on, said.locale),
        }
        if each.is_cancelled:
            text = said.gettext("%(document)s, taken back") % {"document": text}
        rows.append(Row(text, write.money(each.gross if each.net is None else each.net)))
    return tuple(rows)


def _statement(line: OnStatement, write: _Teller) -> tuple[Row, ...]:
    said = write.said
    group = said.gettext("The group's payout: %(share)s of %(net)s for %(num)s sessions") % {
        "share": formats.share(line.group.share_bps, said.locale),
        "net": write.money(line.group.net),
        "num": formats.number(line.group.sessions, said.locale),
    }
    rows = [
        Row(said.gettext("Revenue"), write.money(line.net)),
        Row(
            said.gettext("Share of it, exact"),
            write.exact(line.exact),
        ),
        Row(group, write.money(line.group.payout)),
        Row(said.gettext("Payout of this line, by largest remainder"), write.money(line.payout)),
    ]
    if line.late_from_month is not None:
        month = formats.month(line.late_from_month, said.locale)
        rows.append(Row(said.gettext("Came late, from"), month))
    return tuple(rows)


def _payout(line: OnStatement, sees: Scope, write: _Teller) -> tuple[Row, ...]:
    said, statement = write.said, line.statement
    rows = [
        Row(said.gettext("Payout, net"), write.money(statement.payout_net)),
        *(
            Row(
                said.gettext("VAT %(rate)s %%")
                % {"rate": formats.number(each.rate, said.locale, _digits(each.rate))},
                write.money(each.amount),
            )
            for each in statement.vat
        ),
        Row(said.gettext("Payout, gross"), write.money(statement.payout_gross)),
    ]
    rows += _postings(line.entries, sees, write)
    rows += _papers(line.credit_notes, write)
    for run in line.runs:
        text = said.gettext("Payout run %(number)s, to be paid on %(day)s") % {
            "number": run.run_id,
            "day": formats.day(run.execute_on, said.locale),
        }
        rows.append(Row(text, write.money(run.amount)))
    rows += _postings(line.payments, sees, write)
    return tuple(rows)


def _digits(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


# -------------------------------------------------------------------------------------- JSON


def chain_json(found: Chain) -> dict[str, Any]:
    """Return the chain as JSON values: money as in the API, energy in Wh, moments in UTC."""
    transaction, billing = found.transaction, found.billing
    terms = billing.terms
    return {
        "transaction_id": str(transaction.transaction_id),
        "holds": billing.holds,
        "messages": [
            {
                "message": each.report_id,
                "kind": each.kind,
                "received_at": moment_text(each.received_at),
                "repairs": list(each.repairs),
                "raw": each.raw,
            }
            for each in found.reports
        ],
        "transaction": {
            "station": transaction.station,
            "evse_id": transaction.evse_id,
            "started_at": moment_text(transaction.started_at),
            "ended_at": None if transaction.ended_at is None else moment_text(transaction.ended_at),
            "meter_start_wh": _wh(transaction.meter_start_wh),
            "meter_stop_wh": _wh(transaction.meter_stop_wh),
            "energy_wh": _wh(transaction.energy_wh),
            "revision": transaction.revision,
        },
        "readings": [
            {
                "measured_at": moment_text(each.measured_at),
                "context": each.context,
                "energy_register_wh": _wh(each.energy_register_wh),
            }
            for each in found.readings
        ],
        "terms": None
        if terms is None
        else {
            "payee": terms.payee,
            "class": terms.charge_class.value,
            "share_bps": terms.share_bps,
            "basis": terms.basis.value,
            "agreement_id": terms.agreement_id,
            "tariff": None if terms.tariff is None else list(terms.tariff),
            "purchase": None if terms.purchase is None else list(terms.purchase),
            "frozen_at": moment_text(terms.frozen_at),
        },
        "records": [_record_json(each) for each in billing.records],
        "entries": _entries_json(billing.entries, found.sees),
        "papers": [_paper_json(each) for each in billing.papers] if found.sees.is_whole else [],
        "lines": [_line_json(each, found.sees) for each in billing.lines],
        "proofs": [
            {
                "proof": each.key,
                "expected": _money(each.expected),
                "found": _money(each.found),
                "holds": each.holds,
            }
            for each in billing.proofs
        ],
    }


def _record_json(record: Rated) -> dict[str, Any]:
    cdr = record.cdr
    return {
        "cdr_id": cdr.cdr_id,
        "revision": cdr.revision,
        "replaces": cdr.replaces,
        "hold_reasons": list(record.hold_reasons),
        "energy_wh": _wh(cdr.energy_wh),
        "lines": [
            {
                "kind": line.kind.value,
                "quantity": str(line.quantity),
                "unit": line.unit.value,
                "unit_price": str(line.unit_price.amount),
                "exact": str(line.exact.amount),
                "net": _money(line.net),
                "vat": _money(line.vat),
            }
            for line in cdr.lines
        ],
        "net": _money(cdr.net),
        "vat": _money(cdr.vat),
        "gross": _money(cdr.gross),
        "credited": _money(cdr.credited),
    }


def _entries_json(entries: Mapping[int, JournalEntry], sees: Scope) -> list[dict[str, Any]]:
    return [
        {
            "entry": number,
            "kind": entry.kind.value,
            "booked_at": moment_text(entry.booked_at),
            "corrects": entry.corrects,
            "postings": [
                {"account": account.name, "amount": _money(amount)}
                for account, amount in _seen(entry, sees)
            ],
        }
        for number, entry in entries.items()
    ]


def _paper_json(paper: Paper) -> dict[str, Any]:
    return {
        "number": paper.number,
        "kind": paper.kind,
        "issued_on": paper.issued_on.isoformat(),
        "gross": _money(paper.gross),
        "net_of_session": None if paper.net is None else _money(paper.net),
        "is_cancelled": paper.is_cancelled,
    }


def _line_json(line: OnStatement, sees: Scope) -> dict[str, Any]:
    return {
        "line": line.line,
        "cdr_id": line.cdr.cdr_id,
        "sign": line.sign,
        "net": _money(line.net),
        "share_bps": line.cdr.share_bps,
        "exact": str(line.exact.amount),
        "group": {
            "class": line.group.charge_class.value,
            "share_bps": line.group.share_bps,
            "sessions": line.group.sessions,
            "net": _money(line.group.net),
            "payout": _money(line.group.payout),
        },
        "payout": _money(line.payout),
        "late_from_month": line.late_from_month,
        "statement": {
            "statement_id": line.statement.statement_id,
            "payout_net": _money(line.statement.payout_net),
            "payout_gross": _money(line.statement.payout_gross),
        },
        "entries": _entries_json(line.entries, sees),
        "documents": [_paper_json(each) for each in line.credit_notes],
        "payout_runs": [
            {"run": each.run_id, "state": each.state, "amount": _money(each.amount)}
            for each in line.runs
        ],
        "payments": _entries_json(line.payments, sees),
    }


def _money(amount: Money) -> dict[str, str]:
    return {"amount": amount.text, "currency": amount.currency}


def _wh(value: Decimal | None) -> int | float | None:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)
