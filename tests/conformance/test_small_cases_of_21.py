"""2.1: a new identity and password (B), where logs are sent to (N), the driver's language (O)."""

from typing import Any

import pytest
from sqlalchemy import text
from websockets.exceptions import InvalidStatus

from csms.queue import CommandState
from csms.reports import OcppVersion
from foundation.errors import InvalidInput
from tests.conformance.paying_station import PayingStation, paying
from tests.csms import asking
from tests.csms.central import Central

EFFECTIVE, REJECTED = CommandState.EFFECTIVE, CommandState.REJECTED
V21 = OcppVersion.V21

OLD = "0123456789abcdef"
NEW = "fedcba9876543210-of-forty-characters-too"


@pytest.fixture
async def case(central: Central) -> PayingStation:
    return await paying(central)


async def with_password(central: Central) -> PayingStation:
    identity = await central.station(security_profile=1, password=OLD)
    station = PayingStation(central, identity)
    await station.connect(password=OLD)
    assert (await station.boot())["status"] == "Accepted"
    return station


def profile(identity: str) -> dict[str, Any]:
    return {
        "configurationSlot": 1,
        "connectionData": {
            "ocppVersion": "OCPP21",
            "ocppInterface": "Wired0",
            "ocppTransport": "JSON",
            "messageTimeout": 30,
            "ocppCsmsUrl": "ws://csms.example/ocpp",
            "securityProfile": 1,
            "identity": identity,
            "basicAuthPassword": NEW,
        },
    }


async def connected_as(central: Central, station: str) -> int:
    """The epoch of the station's newest connection: it rises with each."""
    return int((await central.connection_of(station))["epoch"])


# ------------------------------------------------------------ B a new identity and password


async def test_b_100_the_new_identity_and_password_are_good_for_the_next_connection(
    central: Central,
) -> None:
    case = await with_password(central)
    new_name = f"{case.identity}-NEW"
    command = await case.asked_for("SetNetworkProfile", profile(new_name))
    data = (await case.was_asked("SetNetworkProfile"))["connection_data"]
    assert (data["identity"], data["basic_auth_password"]) == (new_name, NEW)
    ended = await case.becomes(command, EFFECTIVE)
    assert ended.payload["connectionData"]["basicAuthPassword"] == "********"
    before = await connected_as(central, case.identity)

    for user, path in ((new_name, f"/ocpp/{new_name}"), (new_name, f"/ocpp/{case.identity}")):
        with pytest.raises(InvalidStatus, match="401"):
            await central.connect(new_name, V21, password="wrong", user=user, path=path)
        again = await central.connect(new_name, V21, password=NEW, user=user, path=path)
        assert (await again.boot())["status"] == "Accepted"
    # It is the same station, and not a new one that waits for somebody.
    assert await connected_as(central, case.identity) == before + 2
    assert await central.rows("select 1 from stations where identity = :name", name=new_name) == []
    with pytest.raises(InvalidStatus, match="401"):  # the old one is over once the new is used
        await central.connect(case.identity, V21, password=OLD)

    kept = str(await central.frames(case.identity))
    kept += str(
        await central.rows(
            "select payload::text, concealed::text, answer::text from commands"
            " where station = :station",
            station=case.identity,
        )
    )
    assert "********" in kept
    assert NEW not in kept


async def test_b_100_until_the_station_answered_both_identities_are_its_own(
    central: Central,
) -> None:
    case = await with_password(central)
    new_name = f"{case.identity}-NEW"
    await case.leave()  # it will hear of it, and nobody will hear its answer
    await asking.ask(
        central, case.identity, "SetNetworkProfile", profile(new_name), when_offline="queue"
    )
    await (await central.connect(new_name, V21, password=NEW)).close()
    assert (await central.connection_of(case.identity))["station"] == case.identity


async def test_b_100_what_the_station_refuses_is_no_name_of_its(central: Central) -> None:
    case = await with_password(central)
    new_name = f"{case.identity}-NEW"
    command = await case.asked_for("SetNetworkProfile", profile(new_name), {"status": "Rejected"})
    await case.becomes(command, REJECTED)
    with pytest.raises(InvalidStatus, match="401"):
        await central.connect(
            new_name, V21, password=NEW, user=new_name, path=f"/ocpp/{case.identity}"
        )
    await (await central.connect(case.identity, V21, password=OLD)).close()


async def test_b_100_nobody_is_told_the_identity_of_another_station(central: Central) -> None:
    case, other = await with_password(central), await with_password(central)
    with pytest.raises(InvalidInput, match="not free") as refused:
        await asking.ask(
            central, case.identity, "SetNetworkProfile", profile(other.identity.upper())
        )
    assert refused.value.field == "$.connectionData.identity"
    new_name = f"{case.identity}-NEW"
    case.answers["SetNetworkProfile"] = {"status": "Accepted"}
    await asking.ask(central, case.identity, "SetNetworkProfile", profile(new_name))
    with pytest.raises(InvalidInput, match="not free"):
        await asking.ask(central, other.identity, "SetNetworkProfile", profile(new_name))
    async with central.database.unit_of_work() as db:
        found = await db.execute(
            text("select next_identity from stations where identity = :other"),
            {"other": other.identity},
        )
    assert found.scalar_one() is None
