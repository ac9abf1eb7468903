"""The statement on paper, in the payee's language: a `Statement` in, a PDF file out.

The file is PDF/A-3 with the statement's XML form inside (Factur-X).
"""

from collections.abc import Sequence
from decimal import Decimal

from billing.archive_pdf import FACTURX_NAME, Enclosure
from billing.cdr import ChargeClass
from billing.paper_pdf import (
    LEFT,
    MUTED,
    RIGHT,
    ROW,
    STRONG,
    Column,
    Paper,
    columns_of,
    draw_amount,
    draw_letterhead,
    draw_row,
    draw_table,
    draw_table_head,
    draw_title,
    in_fours,
)
from billing.statement_changes import Change, changes
from billing.statement_document import statement_xml
from billing.statement_words import Words
from billing.statements import (
    ClassTotal,
    GroupTotal,
    Statement,
    StatementLine,
    StatementState,
    TaxStatus,
)
from foundation.money import total
from foundation.quantities import percent


def statement_pdf(statement: Statement) -> bytes:
    """Return the statement as a PDF file in the payee's language."""
    words = Words(statement.language, statement.time_zone)
    month = words.month(statement.month)
    paper = Paper((words("title"), f"{statement.payee.name} · {month}", statement.statement_id))
    _head(paper, statement, words)
    _totals(paper, statement, words)
    _changes(paper, statement, words)
    _sessions(paper, statement, words)
    _unpaid(paper, statement, words)
    _proof(paper, statement, words)
    return paper.to_bytes(
        language=statement.language,
        title=f"{words('title')} {statement.statement_id}",
        author=statement.issuer.name,
        subject=words("subject", month=month),
        note=words.zone_note(),
        numbering=lambda page, pages: words("page", page=page, pages=pages),
        created_at=statement.issued_at,
        enclosures=[
            Enclosure(
                FACTURX_NAME, "text/xml", statement_xml(statement), "Alternative", words("attached")
            )
        ],
    )


def _head(paper: Paper, statement: Statement, words: Words) -> None:
    payee, issuer = statement.payee, statement.issuer
    facts = [
        (words("number"), statement.statement_id),
        (words("month"), words.month(statement.month)),
        (words("issued"), words.day(words.local_day(statement.issued_at))),
        (words("due"), words.day(statement.due_on)),
        (words("state"), words.state(statement.state)),
    ]
    if payee.vat_id:
        facts.append((words("vat_id"), payee.vat_id))
    if payee.iban:
        facts.append((words("iban"), in_fours(payee.iban)))
    about = [*issuer.address]
    if issuer.vat_id:
        about.append(f"{words('vat_id')} {issuer.vat_id}")
    draw_letterhead(paper, issuer.name, about, (payee.name, *payee.address), facts)

    month = words.month(statement.month)
    paper.text(LEFT, words("title"), font=STRONG, size=22)
    paper.down(17)
    paper.text(LEFT, words("subject", month=month), size=10.5, colour=MUTED)

    if statement.payout_gross.amount <= 0:
        hint = ""
    elif statement.state is StatementState.PAID:
        hint = words("paid_out")
    else:
        hint = words("due_by", day=words.day(statement.due_on))
    paper.down(20)
    draw_amount(paper, words("payout"), hint, words.money(statement.payout_gross))


def _totals(paper: Paper, statement: Statement, words: Words) -> None:
    currency = statement.currency
    columns = columns_of(
        (words("class"), 159, "left"),
        (words("share"), 52, "right"),
        (words("sessions_count"), 68, "right"),
        (words("energy"), 72, "right"),
        (words("net"), 72, "right"),
        (words("payout"), 76.3, "right"),
    )
    draw_title(paper, words("totals"), words("amounts", currency=currency))
    paper.down(19)
    draw_table_head(paper, columns)
    for each in ChargeClass:
        name = words.class_name(each)
        groups = [group for group in statement.groups if group.charge_class is each]
        for group in groups:
            share = f"{words.percent(percent(group.share_bps))} %"
            _sum_row(paper, columns, words, name, share, group)
            paper.rule(y=paper.y - 4)
            paper.down(ROW)
        if len(groups) != 1:
            if groups:
                name = words("class_sum", name=name)
            _sum_row(paper, columns, words, name, "", statement.totals[each])
            paper.rule(y=paper.y - 4)
            paper.down(ROW)
    paper.down(1)
    whole = list(statement.totals.values())
    draw_row(
        paper,
        columns,
        (
            words("sum"),
            "",
            words.count(sum(sums.sessions for sums in whole)),
            words.kwh(sum((sums.energy_wh for sums in whole), Decimal(0))),
            words.amount(total((sums.net for sums in whole), currency)),
            words.amount(total((sums.payout for sums in whole), currency)),
        ),
        font=STRONG,
    )
    paper.down(26)
    _vat(paper, statement, words)


def _sum_row(
    paper: Paper,
    columns: Sequence[Column],
    words: Words,
    name: str,
    share: str,
    sums: ClassTotal | GroupTotal,
) -> None:
    cells = (
        name,
        share,
        words.count(sums.sessions),
        words.kwh(sums.energy_wh),
        words.amount(sums.net),
        words.amount(sums.payout),
    )
    draw_row(paper, columns, cells)


def _vat(paper: Paper, statement: Statement, words: Words) -> None:
    """Draw how the payout becomes what is transferred."""
    label_x = RIGHT - 190
    rows = [(words("payout_net"), statement.payout_net)]
    rows += [
        (words("vat", rate=words.percent(vat.rate)), vat.amount)
        for vat in statement.vat
        # Who charges no VAT must not show any, not even a rate of zero.
        if statement.tax_status is TaxStatus.STANDARD
    ]
    for label, amount in rows:
        paper.text(label_x, label)
        paper.text(RIGHT, words.money(amount), align="right")
        paper.down(ROW)
    paper.rule(x0=label_x, y=paper.y + 8.5, width=0.7, colour=MUTED)
    paper.down(3)
    paper.text(label_x, words("payout_gross"), font=STRONG, size=10)
    paper.text(RIGHT, words.money(statement.payout_gross), font=STRONG, size=10, align="right")
    paper.down(ROW)
    notes = [words.note(statement.tax_status)]
    if statement.payout_gross.amount < 0:
        notes.append(words("carried"))
    if statement.due_on_receipt is not None:
        notes.append(words("on_receipt", amount=words.money(statement.due_on_receipt)))
    for note in filter(None, notes):
        paper.down(3)
        paper.text(RIGHT, note, colour=MUTED, align="right")
        paper.down(9)
    paper.down(26)


def _changes(paper: Paper, statement: Statement, words: Words) -> None:
    """Draw what differs from the payee's last statement, or that there is none."""
    earlier = statement.earlier
    if earlier is None:
        return
    if earlier.statement_id is None or earlier.month is None:
        paper.text(LEFT, words("changes_none"), colour=MUTED)
        paper.down(30)
        return
    *by_class, whole = changes(statement)
    draw_table(
        paper,
        words("changes", month=words.month(earlier.month)),
        words("changes_of", number=earlier.statement_id),
        columns_of(
            (words("class"), 131, "left"),
            (words("sessions_count"), 68, "right"),
            (words("energy"), 72, "right"),
            (words("net"), 72, "right"),
            (words("share_points"), 80, "right"),
            (words("payout"), 76.3, "right"),
        ),
        (_change_cells(each, words) for each in by_class),
        note=words("changes_note"),
        foot=_change_cells(whole, words),
    )


def _change_cells(change: Change, words: Words) -> tuple[str, ...]:
    share = change.share_bps
    return (
        words("sum") if change.charge_class is None else words.class_name(change.charge_class),
        words.signed(words.count(change.sessions)),
        words.signed(words.kwh(change.energy_wh)),
        words.signed(words.amount(change.net)),
        words.kwh(None) if share is None else words.signed(words.percent(percent(share))),
        words.signed(words.amount(change.payout)),
    )


def _sessions(paper: Paper, statement: Statement, words: Words) -> None:
    """Draw the paid sessions: those of the month, then the late ones with their month."""
    on_time = [line for line in statement.lines if line.late_from_month is None]
    late = [line for line in statement.lines if line.late_from_month is not None]
    unit = words("amounts", currency=statement.currency)
    columns = columns_of(
        (words("transaction"), 42, "left"),
        (words("started"), 81, "left"),
        (words("ended"), 81, "left"),
        (words("station"), 96, "left"),
        (words("class"), 36, "left"),
        (words("energy"), 40, "right"),
        (words("net_short"), 42, "right"),
        (words("share"), 36, "right"),
        (words("payout"), 45.3, "right"),
    )
    if on_time:
        draw_table(
            paper,
            words("lines"),
            unit,
            columns,
            (_session_cells(line, words) for line in on_time),
            foot=_session_sums(on_time, statement.currency, words),
        )
    else:
        paper.text(LEFT, words("no_sessions"), colour=MUTED)
        paper.down(30)
    if late:
        draw_table(
            paper,
            words("late"),
            unit,
            columns_of(
                (words("transaction"), 42, "left"),
                (words("month"), 36, "left"),
                (words("started"), 78, "left"),
                (words("ended"), 78, "left"),
                (words("station"), 70, "left"),
                (words("class"), 34, "left"),
                (words("energy"), 40, "right"),
                (words("net_short"), 40, "right"),
                (words("share"), 36, "right"),
                (words("payout"), 45.3, "right"),
            ),
            (_with_month(_session_cells(line, words), line.late_from_month) for line in late),
            note=words("late_note"),
            foot=_with_month(_session_sums(late, statement.currency, words), None),
        )


def _session_cells(line: StatementLine, words: Words) -> tuple[str, ...]:
    return (
        str(line.transaction_id),
        words.moment(line.started_at),
        words.moment(line.ended_at),
        f"{line.station} · {line.evse_id}",
        words.charge_class(line.charge_class),
        words.kwh(line.energy_wh),
        words.amount(line.net),
        f"{words.percent(percent(line.share_bps))} %",
        words.amount(line.payout),
    )


def _session_sums(lines: Sequence[StatementLine], currency: str, words: Words) -> tuple[str, ...]:
    return (
        words("sum"),
        "",
        "",
        "",
        "",
        words.kwh(sum((line.energy_wh for line in lines), Decimal(0))),
        words.amount(total((line.net for line in lines), currency)),
        "",
        words.amount(total((line.payout for line in lines), currency)),
    )


def _with_month(cells: Sequence[str], month: str | None) -> tuple[str, ...]:
    return (cells[0], month or "", *cells[1:])


def _unpaid(paper: Paper, statement: Statement, words: Words) -> None:
    if not statement.unpaid:
        return
    draw_table(
        paper,
        words("unpaid"),
        "",
        columns_of(
            (words("transaction"), 42, "left"),
            (words("started"), 81, "left"),
            (words("ended"), 81, "left"),
            (words("station"), 96, "left"),
            (words("energy"), 40, "right"),
            ("", 12, "left"),
            (words("reason"), 147.3, "left"),
        ),
        (
            (
                str(each.transaction_id),
                words.moment(each.started_at),
                words.moment(each.ended_at),
                f"{each.station} · {each.evse_id}",
                words.kwh(each.energy_wh),
                "",
                words.reason(each.reason),
            )
            for each in statement.unpaid
        ),
    )


def _proof(paper: Paper, statement: Statement, words: Words) -> None:
    if not statement.proof:
        return
    draw_table(
        paper,
        words("proof"),
        words("in_kwh"),
        columns_of(
            (words("station"), 122, "left"),
            (words("register_start"), 66, "right"),
            (words("register_end"), 66, "right"),
            (words("sessions_wh"), 66, "right"),
            (words("gap"), 56, "right"),
            ("", 14, "left"),
            (words("explanation"), 109.3, "left"),
        ),
        (
            (
                f"{row.station} · {row.evse_id}",
                words.kwh(row.register_start_wh),
                words.kwh(row.register_end_wh),
                words.kwh(row.sessions_wh),
                words.kwh(row.gap_wh),
                "",
                words.gap(row.explanation),
            )
            for row in statement.proof
        ),
        note=words("proof_note"),
    )
