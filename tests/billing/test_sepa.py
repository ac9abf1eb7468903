"""The bank's file passes its schema, whatever the names; sums and counts are those of the run."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
import sepaxml
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from billing.sepa import Account, Transfer, TransferFile, latin, pain_001
from foundation.money import Money

OPERATOR = Account(name="Stadtwerke Auental GmbH", iban="DE02120300000000202051", bic="BYLADEM1001")
OWNER = Account(name="Bäckerei Müller & Söhne", iban="DE89370400440532013000", bic=None)
TRANSFER = Transfer(
    reference="LEITSTAND-1-1",
    to=OWNER,
    amount=Money(Decimal("12.34"), "EUR"),
    remittance="Abrechnung bakery-2026-10-EUR",
)
FILE = TransferFile(
    message_id="LEITSTAND-1",
    created_at=datetime(2026, 11, 2, 8, tzinfo=UTC),
    execute_on=date(2026, 11, 3),
    debtor=OPERATOR,
    transfers=[TRANSFER],
)


@cache
def schema() -> xmlschema.XMLSchema:
    folder = Path(sepaxml.__file__).parent / "schemas"
    return xmlschema.XMLSchema(str(folder / "pain.001.001.09.xsd"))


def texts(file: bytes, name: str) -> list[str]:
    return [each.text for each in etree.fromstring(file).iter(f"{{*}}{name}")]


def test_a_file_passes_the_schema_and_says_who_pays_whom() -> None:
    file = pain_001(FILE)
    schema().validate(file.decode())
    assert texts(file, "MsgId") == ["LEITSTAND-1"]
    assert texts(file, "IBAN") == [OPERATOR.iban, OWNER.iban]
    assert texts(file, "BICFI") == ["BYLADEM1001"]
    assert texts(file, "InstdAmt") == ["12.34"]
    assert texts(file, "CtrlSum") == ["12.34", "12.34"]
    assert texts(file, "Dt") == ["2026-11-03"]
    assert texts(file, "Nm")[-1] == "Baeckerei Mueller + Soehne"
    assert texts(file, "Ustrd") == ["Abrechnung bakery-2026-10-EUR"]
    assert texts(file, "EndToEndId") == ["LEITSTAND-1-1"]


def test_without_the_banks_names_it_is_valid_too() -> None:
    file = pain_001(replace(FILE, debtor=replace(OPERATOR, bic=None)))
    schema().validate(file.decode())
    assert "NOTPROVIDED" in file.decode()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 10**8), st.text(min_size=1, max_size=120), st.text(max_size=300)),
        min_size=1,
        max_size=6,
    )
)
def test_any_run_passes_the_schema_and_adds_up(given_: list[tuple[int, str, str]]) -> None:
    transfers = [
        Transfer(
            reference=f"LEITSTAND-1-{number}",
            to=replace(OWNER, name=f"A{name}"),
            amount=Money.from_minor(cents, "EUR"),
            remittance=f"Abrechnung {text}",
        )
        for number, (cents, name, text) in enumerate(given_, start=1)
    ]
    file = pain_001(replace(FILE, transfers=transfers))
    schema().validate(file.decode())
    amounts = [Decimal(each) for each in texts(file, "InstdAmt")]
    assert {Decimal(each) for each in texts(file, "CtrlSum")} == {sum(amounts)}
    assert set(texts(file, "NbOfTxs")) == {str(len(amounts))}


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Łódź & Ångström", "Lodz + Aangstroem"),
        ("José Conceição", "Jose Conceicao"),
        ("a\nb\tc", "a.b.c"),
        ("日本", ".."),
        ("straße_1", "strasse-1"),
    ],
)
def test_letters_become_those_that_every_bank_takes(text: str, plain: str) -> None:
    assert latin(text) == plain


@pytest.mark.parametrize(
    "wrong",
    [
        replace(FILE, transfers=[]),
        replace(FILE, transfers=[TRANSFER, TRANSFER]),
        replace(FILE, transfers=[replace(TRANSFER, amount=Money(Decimal(0), "EUR"))]),
        replace(FILE, transfers=[replace(TRANSFER, amount=Money(Decimal(1), "CHF"))]),
        replace(FILE, message_id="L" * 36),
        replace(FILE, message_id="A//B"),
    ],
)
def test_what_no_bank_would_take_is_our_mistake(wrong: TransferFile) -> None:
    with pytest.raises(AssertionError):
        pain_001(wrong)


def test_the_same_run_is_the_same_file() -> None:
    assert pain_001(FILE) == pain_001(FILE)
