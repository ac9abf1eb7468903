"""What the doors of validity have in common; their calls and pages are tried over HTTP."""

import pytest

from foundation.errors import NotFound
from portal.validity_doors import number_of


def test_a_number_in_an_address_is_a_plain_one() -> None:
    assert number_of("1024") == 1024
    for wrong in ("", "x", "-1", "1.5", "１", "9" * 19):
        with pytest.raises(NotFound):
            number_of(wrong)
