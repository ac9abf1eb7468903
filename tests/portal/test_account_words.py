"""Words of accounts: a word for everything there is."""

from accounts.applications import Kind, Sector, State
from accounts.entitlements import AccountState
from accounts.licences import Licence
from accounts.tiers import Energy, LicenceKind, LicenceModel, PointKind
from portal import account_words
from portal.words import words


def test_everything_has_a_word() -> None:
    assert set(account_words.ACCOUNT_STATES) == set(AccountState)
    assert set(account_words.APPLICATION_STATES) == set(State)
    assert set(account_words.APPLICATION_KINDS) == set(Kind)
    assert set(account_words.LICENCES) == set(Licence)
    assert set(account_words.SECTORS) == set(Sector)
    assert set(account_words.POINT_KINDS) == set(PointKind)
    assert set(account_words.ENERGIES) == set(Energy)
    assert set(account_words.LICENCE_KINDS) == set(LicenceKind)
    assert set(account_words.LICENCE_MODELS) == set(LicenceModel)


def test_prices_are_named_in_both_languages() -> None:
    said = words("de")
    names = [account_words.price_name(item, said) for item in account_words.PRICE_ITEMS]

    assert names[0] == "Lizenz Monitoring"
    assert "Alle Energiearten, Monatsabo" in names
    assert len(set(names)) == len(names)
    assert account_words.options({"a": "Charging"}, words("en")) == [("a", "Charging")]
