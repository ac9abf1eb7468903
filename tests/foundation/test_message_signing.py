"""Signatures as Standard Webhooks have them."""

import base64
from datetime import UTC, datetime

from foundation.message_signing import new_secret, shown_secret, signature, signed_headers

AT = datetime.fromtimestamp(1_614_265_330, UTC)
BODY = b'{"test": 2432232314}'
SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
SIGNED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
"""The example of Standard Webhooks' own libraries."""


def test_the_standards_own_example_has_its_signature() -> None:
    assert signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", AT, BODY) == SIGNED


def test_the_headers_name_message_and_moment_and_are_signed_with_each_secret() -> None:
    other = new_secret()
    headers = signed_headers([SECRET, other], "msg_p5jXN8AQM9LWM0D4loKWxJek", AT, BODY)
    assert headers["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert headers["webhook-timestamp"] == "1614265330"
    first, second = headers["webhook-signature"].split(" ")
    assert first == SIGNED
    assert second == signature(other, headers["webhook-id"], AT, BODY)


def test_a_secret_is_shown_as_receivers_configure_it_and_never_twice_the_same() -> None:
    assert shown_secret(SECRET) == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    assert len({new_secret() for _ in range(9)}) == 9
    assert len(new_secret()) == 32
