"""Signed values as the file that the transparency software reads.

Anybody can check with it that a bill rests on what the meter signed. The originals stand in it
unchanged; one that XML cannot carry as text is given in Base64.

Source: the file format of the S.A.F.E. transparency software: `values`, `value`, `signedData`,
`publicKey`.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from csms.signed_values import BEGIN, END

_PLAIN: Final = re.compile("[\t\n -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
"""What XML carries unchanged: a carriage return would come out as a line feed."""

_FORMATS: Final = frozenset({"OCMF", "ALFEN"})


@dataclass(frozen=True, slots=True)
class Exported:
    """A signed value to be exported; `public_key` as hexadecimal digits, None if nobody knows."""

    context: str
    format: str
    original: bytes
    public_key: str | None


def document(number: int, values: Sequence[Exported]) -> str:
    """Return the file for the signed values of a transaction."""
    parts = "".join(_value(number, each) for each in values)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<values>\n{parts}</values>\n'


def _value(number: int, value: Exported) -> str:
    context = f' context="{value.context}"' if value.context in (BEGIN, END) else ""
    kind = f" format={quoteattr(value.format)}" if value.format in _FORMATS else ""
    text = value.original.decode("utf-8", "surrogatepass")
    if _PLAIN.fullmatch(text):
        encoding, body = "plain", escape(text)
    else:
        encoding, body = "base64", base64.b64encode(value.original).decode()
    key = ""
    if value.public_key is not None:
        key = f'    <publicKey encoding="plain">{escape(value.public_key)}</publicKey>\n'
    return (
        f'  <value transactionId="{number}"{context}>\n'
        f'    <signedData{kind} encoding="{encoding}">{body}</signedData>\n{key}  </value>\n'
    )
