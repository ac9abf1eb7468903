"""Our own authorities, as they are kept; the commands are in `tests/app/cli/test_ca`."""

import pytest

from csms import authorities, certificate_store
from csms.certificate_authority import KEY_PURPOSE, opened
from foundation.errors import Conflict, InvalidInput, NotFound
from foundation.sealing import Sealer, Unsealable
from tests.csms.handlers.work import Work
from tests.pki import UNTIL, Authority

SEALER = Sealer(bytes(32))


async def test_a_key_is_sealed_and_opens_only_with_the_installations_own(work: Work) -> None:
    made = await authorities.create(
        work.db,
        SEALER,
        purpose="station",
        name="Stations",
        organisation="Operator",
        days=30,
        by="test",
        now=work.clock.now(),
    )
    row = await certificate_store.signing_authority(work.db, "station", work.clock.now())
    assert row is not None
    assert row.sealed_key is not None
    key = SEALER.unseal(row.sealed_key, KEY_PURPOSE)
    assert key not in row.sealed_key
    assert opened(row.certificate, key).pem == row.certificate
    with pytest.raises(Unsealable):
        Sealer(b"x" * 32).unseal(row.sealed_key, KEY_PURPOSE)
    await authorities.retire(work.db, made.id, work.clock.now())
    assert await certificate_store.signing_authority(work.db, "station", work.clock.now()) is None


async def test_what_is_not_allowed_is_refused(work: Work) -> None:
    usual = {"purpose": "station", "name": "A", "organisation": "B", "days": 1}
    now = work.clock.now()
    for wrong in ({"purpose": "contract"}, {"name": ""}, {"days": 0}, {"days": 10**6}):
        with pytest.raises(InvalidInput):
            await authorities.create(work.db, SEALER, by="test", now=now, **(usual | wrong))  # type: ignore[arg-type]
    await authorities.create(work.db, SEALER, by="test", now=now, **usual)  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        await authorities.create(work.db, SEALER, by="test", now=now, **usual)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await authorities.renew(work.db, SEALER, purpose="v2g", days=1, by="test", now=now)
    pem = Authority.root().pem
    with pytest.raises(InvalidInput):
        await authorities.trust(work.db, purpose="v2g", pem=pem, by="test", now=now)
    assert len(await authorities.trust(work.db, purpose="station", pem=pem, by="t", now=now)) == 1


async def test_a_distrusted_authority_counts_neither_at_the_door_nor_for_contracts(
    work: Work,
) -> None:
    now = work.clock.now()
    pem = Authority.root().pem
    [one] = await authorities.trust(work.db, purpose="contract", pem=pem, by="test", now=now)
    assert await certificate_store.trusted_for(work.db, "contract", now) == [pem]
    assert await certificate_store.trusted_for(work.db, "contract", UNTIL) == []
    gone = await authorities.distrust(work.db, one.id, now)
    assert gone.retired_at == now
    assert await certificate_store.trusted_for(work.db, "contract", now) == []
    [again] = await authorities.trust(work.db, purpose="contract", pem=pem, by="test", now=now)
    assert (again.id, again.retired_at) == (one.id, None)
    made = await authorities.create(
        work.db,
        SEALER,
        purpose="station",
        name="A",
        organisation="B",
        days=1,
        by="test",
        now=now,
    )
    await authorities.renew(work.db, SEALER, purpose="station", days=1, by="test", now=now)
    assert len(await certificate_store.trusted_for(work.db, "station", now)) == 2
    await authorities.distrust(work.db, made.id, now)
    assert len(await certificate_store.trusted_for(work.db, "station", now)) == 1
