"""The door to closing claims; the page's and the API's tests go through it."""

import inspect

from portal import payment_doors
from portal.api import payments as api
from portal.pages import station_payments


def test_page_and_api_close_claims_by_one_door() -> None:
    for module in (api, station_payments):
        assert "payment_doors.close_claim(" in inspect.getsource(module)
        assert payment_doors.DEED not in inspect.getsource(module)
