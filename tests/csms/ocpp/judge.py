"""A JSON Schema validator as the judge of payloads; it checks date-times as we do."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import jsonschema

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", flags=re.ASCII
)
FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    """What the judge does not check by itself, and we do."""
    if not isinstance(value, str):
        return True
    return _RFC_3339.fullmatch(value) is not None and bool(datetime.fromisoformat(value.upper()))


def judge_of(
    schema: dict[str, Any], formats: jsonschema.FormatChecker | None
) -> Callable[..., bool]:
    """Return the judge of JSON texts.

    Where the schema has `multipleOf: 0.1`, both are read as decimals: in binary, 21.4 is no
    multiple of 0.1.
    """
    exact = "multipleOf" in json.dumps(schema)
    if exact:
        schema = json.loads(json.dumps(schema), parse_float=Decimal)
    validator = jsonschema.validators.validator_for(schema)(schema, format_checker=formats)

    def is_valid(text: str) -> bool:
        return bool(validator.is_valid(json.loads(text, parse_float=Decimal if exact else float)))

    return is_valid
