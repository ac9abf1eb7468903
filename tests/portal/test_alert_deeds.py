"""What the audit is told of alerts, and that the deed needs its right."""

from httpx import AsyncClient

from tests.portal.api.test_alerts import PATH, two

__all__ = ["two"]  # a fixture, taken by its name


async def test_each_deed_is_told_with_what_it_was_about(
    administrator: AsyncClient, support: AsyncClient, two: tuple[int, int]
) -> None:
    path = f"{PATH}/{two[0]}"
    await support.post(f"{path}/acknowledge", json={})
    await support.post(f"{path}/escalate", json={"note": "To the vendor."})
    await support.post(f"{path}/close", json={"note": "Scrapped."})
    found = await administrator.get("/api/v1/audit", params={"subject": f"alert/{two[0]}"})
    told = {each["deed"]: each["after"] for each in found.json()["items"]}
    assert told["alert.close"] == {
        "detection": "offline",
        "cause": "silence",
        "note": "Scrapped.",
    }
    assert set(told) == {"alert.acknowledge", "alert.escalate", "alert.close"}
