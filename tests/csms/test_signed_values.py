"""Signed values: found in messages, read, and believed only where everything fits."""

import base64
import contextlib
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.meter_signatures import CURVES, MeterKey, key_from_text
from csms.signed_values import (
    TIME_TOLERANCE,
    Checked,
    Claimed,
    During,
    NotOcmf,
    SignedStatus,
    Trouble,
    as_bytes,
    check,
    claims_in,
    parse,
    signed_transaction,
)
from csms.transactions import may_hold_signed_values
from tests.csms.meters import EXAMPLES, Meter
from tests.csms.ocpp.said import NOON

BEGIN, END = "Transaction.Begin", "Transaction.End"


def claimed(original: str, context: str = END) -> Claimed:
    return Claimed(context, original, "OCMF")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each["name"])
def test_the_public_examples_verify(example: dict[str, str]) -> None:
    key = key_from_text(example["public_key"])
    assert key.curve == example["curve"]
    checked = check(claimed(example["record"]), key)
    assert (checked.status, checked.trouble) == (SignedStatus.VERIFIED, None)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each["name"])
def test_a_changed_digit_fails(example: dict[str, str]) -> None:
    key = key_from_text(example["public_key"])
    register = example["record"].index('"RV":') + 5
    digit = example["record"][register]
    changed = "1" if digit != "1" else "2"
    forged = example["record"][:register] + changed + example["record"][register + 1 :]
    checked = check(claimed(forged), key)
    assert (checked.status, checked.trouble) == (SignedStatus.FAILED, Trouble.WRONG_SIGNATURE)


@pytest.mark.parametrize("curve", sorted(CURVES))
def test_every_curve_and_both_encodings_verify(curve: str) -> None:
    meter = Meter(curve)
    record = meter.record(("B", "10"), ("E", "20"))
    assert check(claimed(record), meter.key).status is SignedStatus.VERIFIED
    head, _, proof = record.rpartition("|")
    fields = json.loads(proof)
    fields |= {"SE": "base64", "SD": base64.b64encode(bytes.fromhex(fields["SD"])).decode()}
    assert check(claimed(f"{head}|{json.dumps(fields)}"), meter.key).status is SignedStatus.VERIFIED
    fields |= {"SE": "base32"}
    refused = check(claimed(f"{head}|{json.dumps(fields)}"), meter.key)
    assert refused.trouble is Trouble.UNKNOWN_ALGORITHM


def test_the_record_may_be_wrapped_in_hexadecimal_or_base64() -> None:
    meter = Meter()
    record = meter.record(("B", "10"), ("E", "20"))
    for wrapped in (
        record.encode().hex(),
        base64.b64encode(record.encode()).decode(),
        f" {record}",
    ):
        assert check(claimed(wrapped), meter.key).status is SignedStatus.VERIFIED


def test_white_space_in_what_was_signed_is_a_change() -> None:
    meter = Meter()
    record = meter.record(("B", "10"), ("E", "20"))
    assert check(claimed(record.replace("|{", "|{ ", 1)), meter.key).status is SignedStatus.FAILED
    # Around the second section it is not signed.
    assert check(claimed(record.replace('|{"SA"', '| {"SA"')), meter.key).trouble is None


def test_a_separator_within_a_text_does_not_cut_the_record() -> None:
    meter = Meter()
    record = meter.record(("B", "10"), ("E", "20"), TT="night|day")
    assert check(claimed(record), meter.key).status is SignedStatus.VERIFIED


def test_without_a_registered_key_it_is_pending_whatever_the_station_offers() -> None:
    meter = Meter()
    offered = Claimed(END, meter.record(("B", "1"), ("E", "2")), "OCMF", meter.key.text)
    checked = check(offered, None)
    assert (checked.status, checked.trouble) == (SignedStatus.PENDING, Trouble.NO_KEY)
    assert checked.record is not None


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        ({"SA": "RSA-2048-SHA256"}, Trouble.UNKNOWN_ALGORITHM),
        ({"SA": "ECDSA-secp521r1-SHA256"}, Trouble.UNKNOWN_ALGORITHM),
        ({"SA": "ECDSA-secp256k1-SHA256"}, Trouble.OTHER_CURVE),
        ({"SM": "application/cms"}, Trouble.UNKNOWN_ALGORITHM),
    ],
)
def test_another_algorithm_is_named_and_never_tried(
    change: dict[str, Any], trouble: Trouble
) -> None:
    meter = Meter()
    checked = check(claimed(meter.record(("B", "1"), ("E", "2"), **change)), meter.key)
    assert (checked.status, checked.trouble) == (SignedStatus.FAILED, trouble)


def test_what_the_meter_says_is_unusable_fails_though_it_is_signed() -> None:
    meter = Meter()
    good = meter.record(("B", "1"), ("E", "2"))
    payload = parse(good).signed.replace('"ST":"G"', '"ST":"F"', 1)
    bad = f'OCMF|{payload}|{{"SD":"{meter.sign(payload.encode()).hex()}"}}'
    assert check(claimed(bad), meter.key).trouble is Trouble.METER_ERROR
    payload = parse(good).signed.replace('"ST":"G"', '"EF":"t","ST":"G"')
    late = f'OCMF|{payload}|{{"SD":"{meter.sign(payload.encode()).hex()}"}}'
    assert check(claimed(late), meter.key).trouble is None  # the clock, not the energy


@pytest.mark.parametrize(
    "text",
    [
        "OCMF|",
        "OCMF|{}",
        'OCMF|{}|{"SD":"00"}',
        'OCMF|{"RD":[]}|{}',
        'OCMF|{"RD":[1]}|{"SD":"00"}',
        'OCMF|{"RD":[]}x|{"SD":"00"}',
        'OCMF|[1]|{"SD":"00"}',
        'OCMF|{"RD":[{"RV":1e999999999999999999999}]}|{"SD":"00"}',
    ],
)
def test_what_is_no_record_fails_and_is_never_an_error(text: str) -> None:
    assert check(claimed(text), Meter().key).status is SignedStatus.FAILED


@given(st.text() | st.text(alphabet='OCMF|{}[]":,0123456789RDSVE').map(lambda text: f"OCMF|{text}"))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(NotOcmf):
        parse(text)


def test_a_record_keeps_every_digit_and_inherits_what_a_reading_leaves_out() -> None:
    text = (
        'OCMF|{"PG":"T1","MS":"M","RD":[{"TM":"2026-10-15T10:00:00,000+0200 S","TX":"B","RV":1.50,'
        '"RI":"1-b:1.8.0","RU":"kWh","ST":"G"},{"TX":"E","RV":2.75},'
        '{"TX":"E","RV":9,"RI":"1-b:2.8.0"}]}|{"SD":"00"}'
    )
    first, second = parse(text).readings
    assert (first.register_wh, first.resolution_wh) == (Decimal("1500.00"), Decimal("10.00"))
    assert (second.letter, second.register_wh) == ("E", Decimal("2750.00"))
    assert second.at is not None
    assert second.at.isoformat() == "2026-10-15T10:00:00+02:00"


# ------------------------------------------------------------------------------ in messages


def message(action: str, payload: dict[str, object]) -> str:
    return json.dumps([2, "1", action, payload])


def test_1_6_sends_signed_data_in_meter_values_and_in_the_stop() -> None:
    record = Meter().record(("B", "1"), ("E", "2"))
    sampled = {"value": record, "format": "SignedData", "context": END}
    plain = {"value": "1000", "context": END}
    values = [{"timestamp": "2026-10-15T10:00:00Z", "sampledValue": [plain, sampled]}]
    for action, name in (("MeterValues", "meterValue"), ("StopTransaction", "transactionData")):
        assert claims_in(message(action, {name: values})) == [Claimed(END, record, "OCMF")]


def test_2_x_sends_a_signed_meter_value_beside_the_number() -> None:
    record = Meter().record(("B", "1"), ("E", "2"))
    encoded = base64.b64encode(record.encode()).decode()
    signed = {
        "signedMeterData": encoded,
        "signingMethod": "",
        "encodingMethod": "OCMF",
        "publicKey": "QUJD",
    }
    sampled = {"value": 2, "context": END, "signedMeterValue": signed}
    payload: dict[str, object] = {"meterValue": [{"timestamp": "x", "sampledValue": [sampled]}]}
    assert claims_in(message("TransactionEvent", payload)) == [
        Claimed(END, encoded, "OCMF", "QUJD")
    ]
    sampled["signedMeterValue"] = signed | {"signedMeterData": ""}
    assert claims_in(message("TransactionEvent", payload)) == []


@pytest.mark.parametrize(
    ("original", "kind"),
    [
        ("AP;0;3;ALCV3ABBBISHMA2RYEGAZE", "ALFEN"),
        ('<?xml version="1.0"?><signedMeterValue/>', "EDL"),
        ("0123456789", "unknown"),
    ],
)
def test_other_formats_are_kept_and_stay_pending(original: str, kind: str) -> None:
    sampled = {"value": original, "format": "SignedData"}
    [found] = claims_in(message("MeterValues", {"meterValue": [{"sampledValue": [sampled]}]}))
    assert (found.format, found.original) == (kind, original)
    checked = check(found, Meter().key)
    assert (checked.status, checked.trouble) == (SignedStatus.PENDING, Trouble.OTHER_FORMAT)


@pytest.mark.parametrize(
    "raw", ["", "[]", "[2]", "{}", '[2,"1","MeterValues",{"meterValue":[1,{"sampledValue":"x"}]}]']
)
def test_a_message_that_cannot_be_read_holds_none(raw: str) -> None:
    assert claims_in(raw) == []


def test_the_quick_look_never_misses_one() -> None:
    record = Meter().record(("B", "1"))
    assert may_hold_signed_values(message("MeterValues", {"value": record}))
    assert may_hold_signed_values('{"format": "SignedData"}')
    assert may_hold_signed_values('{"signedMeterValue": {}}')
    assert not may_hold_signed_values('{"value": "1000", "unit": "Wh"}')


def test_the_original_is_kept_byte_by_byte_also_where_it_is_no_text() -> None:
    odd = "AP;\x00é\ud800"
    assert as_bytes(odd).decode("utf-8", "surrogatepass") == odd
    assert claimed(odd).digest != claimed("AP;").digest


# ------------------------------------------------------------------------------- as a whole


def checked(meter: Meter, record: str, context: str = END, key: MeterKey | None = None) -> Checked:
    return check(claimed(record, context), key or meter.key)


LUNCH = During(NOON, NOON + timedelta(hours=1))


def verdict(values: list[Checked], energy: str, during: During = LUNCH) -> tuple[str, str | None]:
    whole = signed_transaction(values, Decimal(energy), during)
    assert whole is not None
    return whole.status.value, None if whole.trouble is None else whole.trouble.value


def test_a_transaction_is_verified_if_begin_and_end_come_to_the_billed_energy() -> None:
    meter = Meter()
    both = [checked(meter, meter.record(("B", "1000"), ("E", "11000")))]
    assert verdict(both, "10000") == ("verified", None)
    assert verdict(both, "10003") == ("verified", None)  # a Wh at each end, and one of rounding
    assert verdict(both, "10004") == ("failed", "other_energy")
    begin = checked(meter, meter.record(("B", "11.00"), unit="kWh"), BEGIN)
    end = checked(meter, meter.record(("E", "21.00"), unit="kWh"), END)
    assert verdict([begin, end], "10021") == ("verified", None)
    assert verdict([begin, end], "10022") == ("failed", "other_energy")


def test_without_signed_values_there_is_nothing_to_say() -> None:
    assert signed_transaction([], Decimal(0), LUNCH) is None


def test_a_transaction_lacks_its_begin_or_its_end() -> None:
    meter = Meter()
    assert verdict([checked(meter, meter.record(("E", "2")))], "1") == ("failed", "no_begin")
    assert verdict([checked(meter, meter.record(("B", "2")))], "1") == ("failed", "no_end")


def test_a_transaction_must_not_lack_a_page_nor_change_its_meter() -> None:
    meter, other = Meter(), Meter(serial="M-2")
    begin = checked(meter, meter.record(("B", "1000")))
    meter.record(("C", "1500"))
    end = checked(meter, meter.record(("E", "2000")))
    assert verdict([begin, end], "1000") == ("failed", "page_missing")
    strange = checked(other, other.record(("E", "2000")))
    assert verdict([begin, strange], "1000") == ("failed", "other_meter")


ALL, ALONE, EXPORT = "01-00:B0.08.00*FF", "01-00:B2.08.00*FF", "01-00:c0.08.00*FF"


def test_begin_and_end_are_of_one_register_wherever_a_record_holds_several() -> None:
    """That of the meter, and that of the transaction, which begins at 0."""
    meter = Meter()
    begin = checked(meter, meter.record(("B", "5000", ALL), ("B", "0", ALONE)), BEGIN)
    end = checked(meter, meter.record(("E", "6000", ALL), ("E", "1000", ALONE), ("E", "9", EXPORT)))
    assert verdict([begin, end], "1000") == ("verified", None)
    assert verdict([begin, end], "900") == ("failed", "other_energy")
    whole = signed_transaction([begin, end], Decimal(1000), LUNCH)
    assert whole is not None
    assert (whole.begin_wh, whole.end_wh) == (Decimal(5000), Decimal(6000))


def test_the_end_of_another_register_is_none() -> None:
    meter = Meter()
    begin = checked(meter, meter.record(("B", "0", ALL)), BEGIN)
    assert verdict([begin, checked(meter, meter.record(("E", "1000", ALONE)))], "1000") == (
        "failed",
        "no_end",
    )
    meter.page = 1
    assert verdict([begin, checked(meter, meter.record(("E", "1000", ALL.lower())))], "1000") == (
        "verified",
        None,
    )


def test_of_several_registers_the_one_that_comes_to_the_energy_counts() -> None:
    """At the meter, and behind the cable's loss: either may be what is billed."""
    meter = Meter()
    begin = checked(meter, meter.record(("B", "5000", ALL), ("B", "100", ALONE)), BEGIN)
    both = [begin, checked(meter, meter.record(("E", "6050", ALL), ("E", "1100", ALONE)))]
    assert verdict(both, "1050") == ("verified", None)
    assert verdict(both, "1000") == ("verified", None)
    assert verdict(both, "5950") == ("failed", "other_energy")


def test_one_value_that_fails_or_waits_decides_for_all() -> None:
    meter = Meter()
    begin, end = meter.record(("B", "1000")), meter.record(("E", "2000"))
    good = checked(meter, begin)
    forged = checked(meter, end.replace("2000", "3000"))
    waiting = check(claimed(end), None)
    assert verdict([good, forged], "1000") == ("failed", "wrong_signature")
    assert verdict([good, waiting], "1000") == ("pending", "no_key")
    assert verdict([waiting, forged], "1000") == ("failed", "wrong_signature")


def test_an_old_value_that_is_sent_again_for_another_transaction_fails() -> None:
    """Its signature and its registers hold for ever; its time does not."""
    meter = Meter()
    old = [checked(meter, meter.record(("B", "1000"), ("E", "2000")))]
    assert verdict(old, "1000") == ("verified", None)
    for days in (1, -1):
        day = timedelta(days=days)
        later = During(NOON + day, LUNCH.ended_at + day)
        assert verdict(old, "1000", later) == ("failed", "other_time")
    assert verdict(old, "900", later) == ("failed", "other_time")


@pytest.mark.parametrize(
    ("clock", "said"),
    [
        ("S", ("failed", "other_time")),
        ("I", ("pending", "doubtful_time")),
        ("R", ("pending", "doubtful_time")),
        ("U", ("verified", None)),
        ("", ("verified", None)),
    ],
)
def test_a_time_counts_as_much_as_the_meter_vouches_for_it(
    clock: str, said: tuple[str, str | None]
) -> None:
    meter = Meter()
    record = meter.record(("B", "1000"), ("E", "2000"), clock=clock, at=NOON - timedelta(days=9))
    values = [checked(meter, record)]
    assert verdict(values, "1000") == said
    fresh = [checked(meter, meter.record(("B", "1000"), ("E", "2000"), clock=clock))]
    assert verdict(fresh, "1000") == ("verified", None)
    if clock:  # what is wrong for certain is told before what is doubtful
        assert verdict(values, "900")[0] == "failed"


def test_a_transaction_whose_own_time_is_not_sure_proves_no_value_false() -> None:
    meter = Meter()
    values = [checked(meter, meter.record(("B", "1000"), ("E", "2000")))]
    day = timedelta(days=1)
    unsure = During(NOON + day, LUNCH.ended_at + day, is_sure=False)
    assert verdict(values, "1000", unsure) == ("pending", "doubtful_time")


def test_clocks_that_differ_a_little_are_believed() -> None:
    meter = Meter()
    values = [checked(meter, meter.record(("B", "1000"), ("E", "2000")))]
    within = During(NOON + TIME_TOLERANCE, LUNCH.ended_at - TIME_TOLERANCE)
    assert verdict(values, "1000", within) == ("verified", None)
    # It may well have been plugged in long before, and be plugged out long after.
    plugged = During(NOON - timedelta(hours=9), LUNCH.ended_at + timedelta(hours=9))
    assert verdict(values, "1000", plugged) == ("verified", None)
    second = timedelta(seconds=1)
    for beyond in (
        During(within.started_at + second, within.ended_at),
        During(within.started_at, within.ended_at - second),
    ):
        assert verdict(values, "1000", beyond) == ("failed", "other_time")
