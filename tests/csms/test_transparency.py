"""The transparency software gets the originals, whatever bytes they have."""

import base64
from decimal import Decimal
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from csms.meter_signatures import key_from_text
from csms.signed_values import Claimed, During, check, signed_transaction
from csms.transparency import Exported, document
from tests.csms.meters import Meter
from tests.csms.ocpp.said import NOON


def originals(text: str) -> list[bytes]:
    found = []
    for each in ElementTree.fromstring(text).iter("signedData"):
        body = each.text or ""
        plain = each.get("encoding") == "plain"
        found.append(body.encode() if plain else base64.b64decode(body))
    return found


def test_a_transaction_is_exported_in_the_form_of_the_transparency_software() -> None:
    meter = Meter()
    begin, end = meter.record(("B", "1000")), meter.record(("E", "2000"))
    text = document(
        51,
        [
            Exported("Transaction.Begin", "OCMF", begin.encode(), meter.key.text),
            Exported("Transaction.End", "OCMF", end.encode(), meter.key.text),
        ],
    )
    root = ElementTree.fromstring(text)
    assert root.tag == "values"
    values = list(root)
    assert [each.get("transactionId") for each in values] == ["51", "51"]
    assert [each.get("context") for each in values] == ["Transaction.Begin", "Transaction.End"]
    assert originals(text) == [begin.encode(), end.encode()]
    # What comes out of the file verifies as what went in.
    checked = [
        check(
            Claimed("", each.findtext("signedData", ""), "OCMF"),
            key_from_text(each.findtext("publicKey", "")),
        )
        for each in values
    ]
    whole = signed_transaction(checked, Decimal(1000), During(NOON, NOON))
    assert whole is not None
    assert whole.status == "verified"


def test_a_key_or_context_that_nobody_knows_is_left_out() -> None:
    text = document(1, [Exported("Sample.Periodic", "unknown", b"<&>", None)])
    [value] = ElementTree.fromstring(text)
    assert value.get("context") is None
    assert value.find("publicKey") is None
    [data] = value
    assert data.get("format") is None
    assert data.text == "<&>"


@given(st.lists(st.text(st.characters(codec=None)), max_size=3))
def test_every_original_comes_out_byte_by_byte(texts: list[str]) -> None:
    given_ = [each.encode("utf-8", "surrogatepass") for each in texts]
    text = document(1, [Exported("x", "OCMF", each, None) for each in given_])
    assert originals(text) == given_
