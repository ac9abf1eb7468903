"""Change orders as bodies."""

import base64
import json

import pytest

from foundation.errors import InvalidInput
from portal.api.change_order_models import (
    ChangeBody,
    Confirmation,
    MailBody,
    NewChangeOrder,
    described,
    item_of,
    written_order,
)
from support.orders import Item, ItemKind


@pytest.mark.parametrize("model", [NewChangeOrder, Confirmation])
def test_a_described_body_names_no_other_schema(
    model: type[NewChangeOrder] | type[Confirmation],
) -> None:
    told = described(model, required=True)["requestBody"]
    assert "$ref" not in json.dumps(told)
    assert set(told["content"]) == {"application/json", "multipart/form-data"}
    form = told["content"]["multipart/form-data"]["schema"]
    assert form["required"] == ["order"]
    fields = told["content"]["application/json"]["schema"]["properties"]
    assert set(fields) == set(model.model_fields)


def test_what_names_an_action_is_a_command() -> None:
    payload = {"type": "Soft"}
    assert item_of(ChangeBody(action="Reset", payload=payload)) == Item(
        ItemKind.COMMAND, "Reset", payload
    )
    assert item_of(ChangeBody(text="cheaper")).kind is ItemKind.OTHER
    assert item_of(ChangeBody(kind=ItemKind.TARIFF, text="cheaper")).kind is ItemKind.TARIFF


def test_a_mail_is_base64() -> None:
    content = base64.b64encode(b"please").decode()
    mail = written_order(MailBody(name="a.eml", content=content), "Re: x")
    assert mail is not None
    assert (mail.content, mail.media_type, mail.reference) == (b"please", "message/rfc822", "Re: x")
    assert written_order(None, "Re: x") is None
    for wrong in ("please!", "äöü", "YQ"):
        with pytest.raises(InvalidInput):
            written_order(MailBody(name="a.eml", content=wrong), "Re: x")
