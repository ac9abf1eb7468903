"""Decimals that people and programs write, bounded before anything is computed with them.

A few characters can say a number with a million digits (`1e999999`): whoever multiplies, rounds or
stores it fails. So forms take digits alone, as many as something real has, and the API as many.
"""

import re
from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field

from foundation.errors import InvalidInput

_WRITTEN: Final = re.compile(r"[+-]?(?:\d{1,15}(?:\.\d{0,9})?|\.\d{1,9})", re.ASCII)

Bounded = Annotated[Decimal, Field(max_digits=24, decimal_places=9)]
"""A decimal in a body or a query of the API: 15 digits before the point at most, 9 behind."""


def written(
    text: str,
    field: str,
    *,
    least: Decimal | int = 0,
    most: Decimal | int,
    otherwise: str = "Write the sum as a number.",
) -> Decimal:
    """Return a decimal as people of both languages write it: with a point or a comma.

    Args:
        text: What was written; blanks around it do not matter.
        field: Of the form.
        least: What it must not be below.
        most: What it must not exceed.
        otherwise: What is said if it is none.

    Raises:
        InvalidInput: If it is no decimal, has more than 15 digits before or 9 behind the point, or
            lies outside of the bounds.
    """
    digits = text.strip().replace(",", ".")
    if not _WRITTEN.fullmatch(digits):
        raise InvalidInput(otherwise, field=field)
    number = Decimal(digits)
    if not least <= number <= most:
        raise InvalidInput(otherwise, field=field)
    return number
