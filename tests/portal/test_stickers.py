"""The sticker sheet as every door gives it; the other refusals are tried at the API."""

import pytest
from httpx import AsyncClient

from foundation.settings import Settings
from tests.portal.api.test_monitoring import (  # noqa: F401 - fixtures, and what they need
    API,
    BOTH_IDS,
    app,
    database,
    station,
)


@pytest.fixture
def settings() -> Settings:
    return Settings(hotline_number=None)


@pytest.mark.usefixtures("station")
async def test_without_a_hotline_there_is_nothing_to_put_on_a_sticker(
    administrator: AsyncClient,
) -> None:
    await administrator.patch(f"{API}/stations/CS-1", json={"evses": BOTH_IDS})
    await administrator.put(f"{API}/stations/CS-1/monitoring")
    refused = await administrator.get(f"{API}/stations/CS-1/monitoring/stickers")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_hotline")
