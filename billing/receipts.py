"""What of a statement is paid out only when its provider's money is there.

An agreement may say that the owner's share of external sessions is due on receipt. Its lines stand
on the statement all the same, and the ledger owes them; but what is paid out leaves them out until
the provider's invoice over the session is paid whole. See docs/decisions/0023.
"""

from decimal import Decimal

from billing.payouts import OpenStatement
from foundation.money import Money


def waiting_gross(net: Money, gross: Money, rate: Decimal, waiting_net: Money) -> Money:
    """Return what of a statement's payout waits, with its tax, so that no cent is lost.

    What does not wait is taxed and rounded like a statement of its own; the rest waits. So with
    nothing left to wait for, the parts paid add up to the statement.

    Args:
        net: The statement's payout without tax.
        gross: And with it.
        rate: The percentage of its tax, 0 for none.
        waiting_net: The payouts of the lines that wait, 0 or more.
    """
    if not waiting_net.amount:
        return waiting_net
    released = net - waiting_net
    return gross - (released + (released * (rate / 100)).rounded())


def open_part(statement: OpenStatement, *, paid: Money, waiting: Money) -> OpenStatement:
    """Return what of a statement is to be paid now.

    Args:
        statement: With the whole of its payout.
        paid: What runs that are over paid of it.
        waiting: What of it is not due yet.
    """
    return OpenStatement(
        statement_id=statement.statement_id,
        payee=statement.payee,
        gross=statement.gross - paid - waiting,
        due_on=statement.due_on,
        issued_at=statement.issued_at,
        is_taken_back=statement.is_taken_back,
        waiting=waiting if waiting.amount else None,
    )
