"""Drivers who pay without a contract: may they, what did they pay, and the start of their charging.

The station's QR code leads here: static, on a sticker, or dynamic, with a one-time code that shows
that somebody stands before its display. Each refusal says why, in the driver's language.

Source: OCPP 2.1 part 2, C25.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from accounts import directory
from accounts.directory import WHOLE
from billing import direct_payments, one_time_codes
from billing.direct_payments import Payment, PaymentState
from csms import payments, remote
from csms.queue import Request
from foundation.clock import Clock
from foundation.database import Database
from foundation.errors import ExpectedError, InvalidInput, NotFound
from foundation.identifiers import IdToken, OrganisationKey, StationId
from foundation.money import Money
from portal.words import marked

USUAL: Final = Decimal(50)
"""What is authorised where the driver names no limit."""

_BY: Final = "direct payment"

NOT_HERE: Final = marked("You cannot pay directly at this charging station.")
CODE_IS_OLD: Final = marked(
    "This code is no longer valid. Scan the one that the station shows now."
)
WRONG_LIMITS: Final = marked("The address has a limit that cannot be: %(names)s.")
NO_PROVIDER: Final = marked("No payment provider is set: nobody can pay here directly at present.")


class Turned(InvalidInput):
    """A driver's address does not lead to a payment; `said` is marked for translation."""

    code = "not_payable"

    def __init__(self, said: str, names: str = "") -> None:
        self.said, self.names = said, names
        super().__init__(said % {"names": names})


@dataclass(frozen=True, slots=True)
class Entrance:
    """What a driver's address asks for, and may."""

    station: StationId
    evse_id: int
    organisation: OrganisationKey
    amount: Money
    wanted: one_time_codes.Wanted
    code_mark: str | None


async def enter(
    db: AsyncSession,
    identity: str,
    evse: str,
    parameters: Mapping[str, list[str]],
    *,
    code: str = "",
    version: str = one_time_codes.VERSION,
    now: datetime,
) -> Entrance:
    """Return what an address asks for.

    Args:
        db: A unit of work.
        identity: The station's, as the address has it.
        evse: The number of the EVSE, as the address has it.
        parameters: What stands behind the question mark.
        code: The one-time code; empty for a static address.
        version: How the code was made.
        now: The moment.

    Raises:
        Turned: It leads nowhere, and why.
    """
    try:
        to = await remote.addressee(db, WHOLE, identity)
    except NotFound:
        raise Turned(NOT_HERE) from None
    point = await payments.payment_point(db, identity)
    number = int(evse) if evse.isascii() and evse.isdigit() and len(evse) < 5 else 0
    if point.shows_code == "none" or number < 1:
        raise Turned(NOT_HERE)
    mark = None
    if point.shows_code == "dynamic":
        assert point.secret is not None, "a dynamic code has a secret"
        is_good = version == one_time_codes.VERSION and one_time_codes.is_current(
            code, point.secret, now, length=point.code_length, lasts_s=point.code_lasts_s
        )
        if not is_good:
            raise Turned(CODE_IS_OLD)
        mark = f"{identity}/{number}/{code}"
    wanted, wrong = one_time_codes.wanted(parameters)
    if wrong:
        raise Turned(WRONG_LIMITS, ", ".join(sorted(wrong)))
    if direct_payments.port_of(db) is None:
        raise Turned(NO_PROVIDER)
    currency = (await directory.organisation(db, to.organisation)).currency
    amount = Money(wanted.max_cost or USUAL, currency).rounded()
    return Entrance(StationId(identity), number, to.organisation, amount, wanted, mark)


async def open_payment(db: AsyncSession, entrance: Entrance, *, now: datetime) -> str:
    """Open a payment; return its key.

    Raises:
        ExpectedError: As `direct_payments.open_payment` says.
    """
    return await direct_payments.open_payment(
        db,
        entrance.station,
        entrance.evse_id,
        entrance.amount,
        code_mark=entrance.code_mark,
        now=now,
        max_energy_wh=entrance.wanted.max_energy_wh,
        max_time_s=entrance.wanted.max_time_s,
    )


async def go_on(database: Database, key: str, clock: Clock) -> Payment:
    """Look what became of a payment; start the charging once it is authorised.

    Raises:
        NotFound: There is no such payment.
        ExpectedError: The provider is not there.
    """
    payment = await direct_payments.look(database, key, clock)
    if payment.state is not PaymentState.AUTHORISED:
        return payment
    now = clock.now()
    async with database.unit_of_work() as db:
        token = await direct_payments.claim_start(db, key, now=now)
        if token is not None:
            try:
                await _start(db, payment, token, now)
            except ExpectedError as error:
                await direct_payments.not_started(db, key, str(error), now=now)
        return await direct_payments.by_key(db, key)


async def start_paid(
    db: AsyncSession, station: StationId, evse_id: int, psp_ref: str, *, now: datetime
) -> remote.Command:
    """Start the charging of a driver who paid at a terminal that stands alone (C24).

    The terminal's own provider has the money; its settlement comes from there.

    Raises:
        ExpectedError: As `remote.ask` says.
    """
    token = IdToken(psp_ref, "DirectPayment")
    await payments.know_payer(db, token, now=now)
    return await _ask(db, station, evse_id, token, now)


async def _start(db: AsyncSession, payment: Payment, token: IdToken, now: datetime) -> None:
    await payments.know_payer(db, token, now=now)
    await _ask(db, StationId(payment.station), payment.evse_id, token, now)


async def _ask(
    db: AsyncSession, station: StationId, evse_id: int, token: IdToken, now: datetime
) -> remote.Command:
    to = await remote.addressee(db, WHOLE, station)
    return await remote.ask(
        db,
        Request(
            station=to.identity,
            action="RequestStartTransaction",
            payload={
                "idToken": {"idToken": token.value, "type": token.type},
                "evseId": evse_id,
            },
            asked_by="system",
            asked_by_name=_BY,
            door="system",
            asker_organisation=to.organisation,
            reason="system",
            reference=_BY,
            expires_in_s=120,
            is_authorised=True,
        ),
        now=now,
    )
