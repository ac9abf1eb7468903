"""VAT numbers: checked by their digits, by a register where one is joined, and said how well."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from csms.reports import Company, OcppVersion, Origin, VatNumberAnswer, VatNumberReport
from csms.vat_numbers import NOT_ASKED, UNREACHABLE, WRONG, VatNumbers, compact
from foundation.errors import Unavailable
from foundation.identifiers import StationId
from foundation.tasks import Tasks

GOOD = "DE136695976"


def report(number: str = GOOD) -> VatNumberReport:
    at = datetime(2026, 10, 15, 12, tzinfo=UTC)
    origin = Origin(StationId("S1"), OcppVersion.V21, 1, at, "m", "VatNumberValidation", "")
    return VatNumberReport(origin, number, 1)


class Register:
    """One that a test is."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.is_away = is_away

    async def ask(self, report: VatNumberReport, number: str) -> VatNumberAnswer:
        if self.is_away:
            raise Unavailable("The register is away.")
        company = Company("Bakery", "Street 1", "Berlin", "DE")
        return VatNumberAnswer(number, report.evse_id, True, company)


async def answered(register: Any, number: str = GOOD) -> VatNumberAnswer:
    found: asyncio.Future[VatNumberAnswer] = asyncio.get_running_loop().create_future()
    numbers = VatNumbers(Tasks(), register)
    numbers.submit(report(number), lambda answer, _: found.set_result(answer), lambda *_: None)
    async with asyncio.timeout(5):
        return await found


@pytest.mark.parametrize(
    ("number", "found"), [("DE 136 695 976", GOOD), ("DE136695970", None), ("x", None), ("", None)]
)
def test_digits_tell_what_can_be_a_number(number: str, found: str | None) -> None:
    assert compact(number) == found


async def test_without_a_register_it_is_said_that_nobody_was_asked() -> None:
    answer = await answered(None)
    assert (answer.is_accepted, answer.note, answer.company) == (True, NOT_ASKED, None)
    refused = await answered(None, "DE136695970")
    assert (refused.is_accepted, refused.note) == (False, WRONG)


async def test_a_register_is_asked_and_one_that_is_away_is_said() -> None:
    known = await answered(Register())
    assert known.company is not None
    assert (known.company.name, known.note) == ("Bakery", None)
    away = await answered(Register(is_away=True))
    assert (away.is_accepted, away.note) == (True, UNREACHABLE)
