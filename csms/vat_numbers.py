"""VAT numbers of drivers who want a receipt for their company: looked at, and answered.

Who looks is pluggable (`VatRegister`). Without any, a number is only checked for its form and its
check digits, and the answer says that no register was asked.

Source: OCPP 2.1 part 2, C22.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import structlog
from stdnum.eu import vat as european_vat
from stdnum.exceptions import ValidationError

from csms.lanes import Done
from csms.reports import Report, VatNumberAnswer, VatNumberReport
from foundation.errors import ExpectedError
from foundation.tasks import OnEnd, Tasks

log = structlog.get_logger(__name__)

NOT_ASKED: Final = "NotVerified: form and check digits hold; not verified online"
UNREACHABLE: Final = "NotVerified: form and check digits hold; the register does not answer"
WRONG: Final = "InvalidVatNumber: this is no VAT number of a country of the EU"
_AT_ONCE_MOST: Final = 50


class VatRegister(Protocol):
    """Whoever knows which VAT numbers there are, and whose they are."""

    async def ask(self, report: VatNumberReport, number: str) -> VatNumberAnswer:
        """Return what the register says of a number whose form is right.

        Raises:
            ExpectedError: It does not answer.
        """
        ...


def compact(number: str) -> str | None:
    """Return a number without separators; None for what cannot be one, by its check digits."""
    try:
        return str(european_vat.validate(number))
    except ValidationError:
        return None


class VatNumbers:
    """Answers VatNumberValidation, outside the lanes: a register may take seconds."""

    def __init__(
        self, tasks: Tasks, register: VatRegister | None = None, *, timeout_s: float = 10.0
    ) -> None:
        self._tasks = tasks
        self._register = register
        self._timeout_s = timeout_s
        self._open = 0

    def submit(self, report: Report, done: Done, go_on: Callable[[Report, Done], None]) -> None:
        """Look at the number, then answer."""
        assert isinstance(report, VatNumberReport)
        number = compact(report.vat_number)
        if number is None:
            done(VatNumberAnswer(report.vat_number, report.evse_id, False, None, WRONG), None)
        elif self._register is None:
            done(VatNumberAnswer(report.vat_number, report.evse_id, True, None, NOT_ASKED), None)
        elif self._open >= _AT_ONCE_MOST:
            done(VatNumberAnswer(report.vat_number, report.evse_id, True, None, UNREACHABLE), None)
        else:
            self._ask(self._register, report, number, done)

    def _ask(self, register: VatRegister, report: VatNumberReport, number: str, done: Done) -> None:
        self._open += 1

        async def ask() -> None:
            try:
                async with asyncio.timeout(self._timeout_s):
                    answer = await register.ask(report, number)
            except (ExpectedError, TimeoutError) as error:
                log.warning(
                    "vat_number.not_known", station_id=report.origin.station, reason=str(error)
                )
                answer = VatNumberAnswer(report.vat_number, report.evse_id, True, None, UNREACHABLE)
            finally:
                self._open -= 1
            done(answer, None)

        self._tasks.start(f"VAT number at {report.origin.station}", ask, on_end=OnEnd.FINISH)
