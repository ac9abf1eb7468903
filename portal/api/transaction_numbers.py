"""Our numbers of transactions, as they stand in addresses."""

from foundation.errors import NotFound
from foundation.identifiers import TransactionId


def number_of(transaction_id: str) -> TransactionId:
    """Return the number that an address names.

    Raises:
        NotFound: It cannot be one.
    """
    if not transaction_id.isascii() or not transaction_id.isdecimal() or len(transaction_id) > 18:
        raise NotFound("transaction", transaction_id)
    return TransactionId(int(transaction_id))
