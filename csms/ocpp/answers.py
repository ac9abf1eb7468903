"""Answers as their JSON: what says the same is written once.

A station's answers are few and small: an empty object, the time, what holds of a token. Making and
checking each anew would cost more than reading the message that it answers, so what was written is
remembered, by what it says.
"""

from decimal import Decimal
from types import ModuleType
from typing import Final

from csms.ocpp import codec
from csms.ocpp.moments import whole_seconds
from csms.ocpp.readings import is_sensible
from csms.ocpp.v16 import translate as v16
from csms.ocpp.v21 import translate as v21
from csms.ocpp.v201 import translate as v201
from csms.reports import (
    Answer,
    BootAnswer,
    CertificateChainAnswer,
    CertificateStatusAnswer,
    CertificateWishAnswer,
    ContractCertificateAnswer,
    DataTransferAnswer,
    DynamicScheduleAnswer,
    HeartbeatAnswer,
    OcppVersion,
    SettlementAnswer,
    TransactionEndAnswer,
    TransactionStartAnswer,
    TransactionUpdateAnswer,
    VatNumberAnswer,
)
from foundation.identifiers import TransactionId

TRANSLATORS: Final[dict[OcppVersion, ModuleType]] = {
    OcppVersion.V16: v16,
    OcppVersion.V201: v201,
    OcppVersion.V21: v21,
}

_MOST: Final = 10_000
"""Answers that are remembered at most: those of so many tokens."""

_EACH_TIME: Final = frozenset(
    {
        BootAnswer,
        DataTransferAnswer,
        CertificateWishAnswer,
        ContractCertificateAnswer,
        CertificateStatusAnswer,
        CertificateChainAnswer,
        DynamicScheduleAnswer,
        SettlementAnswer,
        VatNumberAnswer,
    }
)

_remembered: dict[tuple[OcppVersion, str, Answer], str] = {}

_NO_NUMBER: Final = TransactionId(0)
_UNNUMBERED: Final = '"transactionId":0}'


def payload_of(version: OcppVersion, action: str, answer: Answer) -> str:
    """Return the answer to an action as the version writes it.

    Raises:
        AssertionError: The version cannot answer the action so: our mistake.
    """
    kind = type(answer)
    if kind is TransactionStartAnswer and version is OcppVersion.V16:
        assert isinstance(answer, TransactionStartAnswer)
        number = answer.transaction_id
        assert -(2**63) <= number < 2**63, f"no number of a transaction: {number}"
        unnumbered = TransactionStartAnswer(_NO_NUMBER, answer.id_token_info)
        rest = _once(version, action, unnumbered)
        assert rest.endswith(_UNNUMBERED), f"the number does not come last: {rest}"
        return f"{rest[:-2]}{number}}}"
    if kind is TransactionStartAnswer:
        assert isinstance(answer, TransactionStartAnswer)
        answer = TransactionStartAnswer(
            _NO_NUMBER, answer.id_token_info, answer.total_cost, answer.limits
        )
    elif kind is HeartbeatAnswer:
        assert isinstance(answer, HeartbeatAnswer)
        answer = HeartbeatAnswer(whole_seconds(answer.current_time))
    elif kind in _EACH_TIME:  # seldom, or of any size
        return _made(version, action, answer)
    if isinstance(answer, TransactionUpdateAnswer | TransactionEndAnswer):
        if answer.total_cost is not None:
            return _costing(version, action, answer, answer.total_cost)
    elif getattr(answer, "total_cost", None) is not None:  # 1.10 equals 1.1, but reads differently
        return _made(version, action, answer)
    if getattr(answer, "limits", None) or getattr(answer, "tariff", None):  # one driver's own
        return _made(version, action, answer)
    return _once(version, action, answer)


def _costing(
    version: OcppVersion,
    action: str,
    answer: TransactionUpdateAnswer | TransactionEndAnswer,
    cost: Decimal,
) -> str:
    """Return an answer that tells a cost: what else it says is written once, for a cost of 0."""
    kind, info = type(answer), answer.id_token_info
    if not is_sensible(cost) or answer != kind(info, cost):
        return _made(version, action, answer)
    free = _once(version, action, kind(info, _FREE))
    assert free.startswith(_COSTING_NOTHING), f"the cost does not come first: {free}"
    return f"{_COSTING}{cost}{free[len(_COSTING_NOTHING) :]}"


_FREE: Final = Decimal(0)
_COSTING: Final = '{"totalCost":'
_COSTING_NOTHING: Final = '{"totalCost":0'


def _once(version: OcppVersion, action: str, answer: Answer) -> str:
    key = (version, action, answer)
    found = _remembered.get(key)
    if found is None:
        if len(_remembered) >= _MOST:
            _remembered.clear()
        found = _remembered[key] = _made(version, action, answer)
    return found


def _made(version: OcppVersion, action: str, answer: Answer) -> str:
    return codec.encode(TRANSLATORS[version].to_response(answer, action)).decode()
