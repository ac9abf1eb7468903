"""What payouts refuse is said in the reader's language, and says what to do."""

import pytest

from billing.payouts import (
    DayOver,
    Hindrance,
    NoDebtorAccount,
    NothingToPay,
    NotSepaCurrency,
    PayeeNotPayable,
    PayoutOutdated,
    PayoutState,
    PersonNeeded,
    ReleasedBySamePerson,
    Step,
    WrongPayoutState,
)
from billing.self_billing import NotOwnersPerson
from foundation.errors import ExpectedError, InvalidInput
from foundation.identifiers import OrganisationKey
from portal.payout_words import HINDRANCES, NO_DAY, hindrance_advice, hindrance_name, refusal
from portal.words import words

TOWN = OrganisationKey("town")


@pytest.mark.parametrize("hindrance", Hindrance)
def test_every_hindrance_has_a_name_and_an_advice_in_both_languages(hindrance: Hindrance) -> None:
    assert set(HINDRANCES) == set(Hindrance)
    for tell in (hindrance_name, hindrance_advice):
        assert tell(hindrance, words("en")) != tell(hindrance, words("de"))


@pytest.mark.parametrize(
    ("error", "english", "german"),
    [
        (PayeeNotPayable(TOWN, Hindrance.WRONG_IBAN), "correct it", "berichtigen"),
        (NothingToPay({TOWN: Hindrance.NO_IBAN}), "town: No IBAN", "town: Keine IBAN"),
        (NothingToPay({}), "nothing to pay.", "nichts zu zahlen."),
        (PayoutOutdated(1, [TOWN]), "(town)", "(town)"),
        (WrongPayoutState(1, PayoutState.PAID, Step.PAY), "faster", "schneller"),
        (ReleasedBySamePerson(1), "somebody else", "jemand anderem"),
        (PersonNeeded(), "a person", "Person"),
        (NoDebtorAccount(), "IBAN", "IBAN"),
        (NotSepaCurrency("CHF"), "euro", "Euro"),
        (NotOwnersPerson(TOWN), "authorised", "berechtigte"),
        (DayOver(), "past", "Vergangenheit"),
        (InvalidInput(NO_DAY, field="due_until"), "Write", "Schreiben"),
    ],
)
def test_every_refusal_is_said_in_both_languages(
    error: ExpectedError, english: str, german: str
) -> None:
    assert english.lower() in refusal(error, words("en")).lower()
    assert german in refusal(error, words("de"))
