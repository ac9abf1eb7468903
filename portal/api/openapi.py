"""Completes the OpenAPI document: every refusal a call may answer, its headers, and examples.

What the framework cannot know is the same for all calls, so it is said here once: who is not
signed in, lacks a right, asks too often, or asks for what is not there. An example that a model
does not bring is made from its schema, with values that look like those of a real installation.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from portal.api.models import PROBLEM_SCHEMA
from portal.problems import MEDIA_TYPE

_WRITING = frozenset({"post", "put", "patch", "delete"})
_METHODS = ("get", "post", "put", "patch", "delete")

_PROBLEMS: Mapping[str, tuple[str, str, str]] = {
    "400": ("malformed_body", "Bad Request", "There was an error parsing the body"),
    "401": ("wrong_api_key", "Wrong API key", "The API key is unknown or revoked."),
    "403": (
        "not_permitted",
        "Not permitted",
        "This needs the permission 'stations.write' (Set up stations).",
    ),
    "404": ("not_found", "Not found", "There is no station 'DE-HN-014'."),
    "409": ("conflict", "Conflict", "The state does not allow it now."),
    "413": ("too_large", "Too large", "The body is larger than 8388608 bytes."),
    "415": (
        "unsupported_media_type",
        "Unsupported media type",
        "Send the body as application/json, and say so in Content-Type.",
    ),
    "422": ("invalid_input", "Invalid input", "time_zone: There is no time zone 'Europe/Berlim'."),
    "429": (
        "too_many_calls",
        "Too many calls",
        "This API key may make 6000 calls a minute. Come back in 2 s.",
    ),
    "503": (
        "database_away",
        "Unavailable",
        "The database is not reachable at the moment. Try again later.",
    ),
}
"""Code, title and detail of an example, by status."""

_MEANINGS: Mapping[str, str] = {
    "400": "The body cannot be read.",
    "401": "No API key was sent, or one that is not valid.",
    "403": "The key lacks a right; the answer names it.",
    "404": "There is no such thing, or none that the key may know of.",
    "409": "The state does not allow it now, or the same call is being answered.",
    "413": "The body is too large.",
    "415": "The body is of a kind that is not taken.",
    "422": "Something is wrong with what was sent; the answer names it.",
    "429": "The key asked too often, or has too much in hand.",
    "503": "A neighbour is away; come back.",
}

_HEADERS: dict[str, Any] = {
    "RateLimit": {
        "description": "Calls that are left, and in how many seconds the quota is whole again.",
        "schema": {"type": "string"},
        "example": '"minute";r=5999;t=1',
    },
    "RateLimit-Policy": {
        "description": "The quota of a minute.",
        "schema": {"type": "string"},
        "example": '"minute";q=6000;w=60',
    },
}
_RETRY_AFTER: dict[str, Any] = {
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}, "example": 2}
}

_IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same call with the same key is done once and answered alike for a week.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    "example": "6f1c2f0e-6b0f-4e9e-9d0c-2f6d0f7d3a51",
}

_STREAMED = frozenset({"add_file"})
"""Calls whose body is read piece by piece: nobody could tell whether it is the same again."""

_OF_A_STATE = frozenset({"get_stickers"})
"""What is read only in some states, and refused with 409 in others."""

_MEDIA: Mapping[str, tuple[str, Any]] = {
    "get_statement_csv": ("text/csv", "station,evse_id,energy_wh\nDE-HN-014,1,18250\n"),
    "get_statement_pdf": ("application/pdf", None),
    "get_stickers": ("application/pdf", None),
    "download_file": ("application/octet-stream", None),
    "get_station_document": ("application/octet-stream", None),
    "get_change_order_mail": ("message/rfc822", None),
}
"""Calls that answer no JSON: the kind of what they answer, and an example where it is text."""

_VALUES: Mapping[str, Any] = {
    "action": "RemoteStartTransaction",
    "address": "Bahnhofstraße 1",
    "amount": "12.34",
    "api_key": "lst_0f3a9b1c2d4e_…",
    "city": "Heilbronn",
    "country": "DE",
    "currency": "EUR",
    "cursor": "WzEyLDM0XQ",
    "deed": "station.change",
    "detail": "What is wrong, for a person.",
    "email": "owner@example.com",
    "emi3_id": "DE*ABC*E1001",
    "energy_basis": "registers",
    "event_id": "34",
    "firmware": "5.4.1",
    "hold_reason": "impossible_energy",
    "iban": "DE02120300000000202051",
    "id_token": "04A2B3C4",
    "id_token_type": "ISO14443",
    "identity": "DE-HN-014",
    "key": "heilbronn-zob",
    "kind": "transaction_ended",
    "language": "de",
    "location": "heilbronn-zob",
    "model": "Duo 22",
    "month": "2026-10",
    "name": "Stadtwerke Nord",
    "next": None,
    "ocpp_version": "2.0.1",
    "organisation": "stadtwerke-nord",
    "owner": "stadtwerke-nord",
    "party_id": "DE*XYZ",
    "payee": "stadtwerke-nord",
    "postal_code": "74072",
    "provider": "DE*XYZ",
    "reason": "Test by the technician",
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "serial_number": "WW-2231-0457",
    "station": "DE-HN-014",
    "statement_id": "2026-10-stadtwerke-nord-EUR",
    "state": "online",
    "subject": "station/DE-HN-014",
    "tariff": "standard-ac",
    "time_zone": "Europe/Berlin",
    "transaction_id": "4711",
    "type": "cType2",
    "unit": "kWh",
    "url": "https://erp.example.com/leitstand",
    "vat_id": "DE136695976",
    "vat_rate": "0.19",
    "vendor": "Wattwerk",
}
"""What values of these names look like."""

_FORMATS: Mapping[str, str] = {
    "date-time": "2026-10-15T12:00:00Z",
    "date": "2026-10-15",
    "binary": "…",
    "uuid": "6f1c2f0e-6b0f-4e9e-9d0c-2f6d0f7d3a51",
}

_DEEPEST = 6


def complete(document: dict[str, Any]) -> dict[str, Any]:
    """Complete the document in place; doing it again changes nothing."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.setdefault("Problem", PROBLEM_SCHEMA)
    for path, method, operation in operations(document):
        _complete(path, method, operation, schemas)
    return document


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and description of every call."""
    for path, calls in document["paths"].items():
        for method in _METHODS:
            if method in calls:
                yield path, method, calls[method]


def _complete(
    path: str, method: str, operation: dict[str, Any], schemas: Mapping[str, Any]
) -> None:
    responses = operation["responses"]
    responses.pop("4XX", None)
    if method in _WRITING and operation["operationId"] not in _STREAMED:
        parameters = operation.setdefault("parameters", [])
        if _IDEMPOTENCY_KEY not in parameters:
            parameters.append(_IDEMPOTENCY_KEY)
    for status in _statuses(path, method, operation):
        responses[status] = _problem(status)
    for parameter in operation.get("parameters", ()):
        if "example" not in parameter and "examples" not in parameter:
            parameter["example"] = _of_parameter(parameter, schemas)
    body = operation.get("requestBody")
    if body is not None:
        _add_examples(body["content"], schemas)
    media = _MEDIA.get(operation["operationId"])
    for status, response in responses.items():
        if not status.startswith("2"):
            continue
        response.setdefault("headers", {}).update(_HEADERS)
        if media is not None:
            kind, shown = media
            response["content"] = {kind: {"schema": {"type": "string"}}}
            if shown is None:
                response["content"][kind]["schema"]["format"] = "binary"
            else:
                response["content"][kind]["example"] = shown
        _add_examples(response.get("content", {}), schemas)


def _statuses(path: str, method: str, operation: Mapping[str, Any]) -> list[str]:
    found = ["401", "403", "422", "429", "503"]
    if "{" in path or method == "post":
        found.append("404")
    if method in _WRITING or operation["operationId"] in _OF_A_STATE:
        found.append("409")
    if "requestBody" in operation or method in _WRITING:
        found += ["400", "413", "415"]
    return sorted(found)


def _problem(status: str) -> dict[str, Any]:
    code, title, detail = _PROBLEMS[status]
    shown = {"status": int(status), "code": code, "title": title, "detail": detail}
    if status == "422":
        shown["field"] = "time_zone"
    return {
        "description": _MEANINGS[status],
        "headers": _RETRY_AFTER if status in {"429", "503"} else {},
        "content": {
            MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": shown}
        },
    }


def _add_examples(content: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    for media_type, described in content.items():
        if "example" in described or "examples" in described:
            continue
        schema = described.get("schema", {})
        if media_type == "application/json":
            described["example"] = example(schema, schemas)
        elif not media_type.startswith(("multipart/", "application/x-www-form")):
            described["example"] = "…"
        else:
            described["example"] = example(schema, schemas)


def _of_parameter(parameter: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    schema = parameter.get("schema", {})
    name = str(parameter["name"])
    if name in {"cursor", "after"}:
        return "WzEyLDM0XQ"
    if name in {"from", "to"} and "examples" not in schema:
        return _FORMATS["date"]
    if schema.get("type") == "string" and name.endswith(("_id", "number")) and name not in _VALUES:
        return "1"
    return example(schema, schemas, name=name)


def example(schema: Mapping[str, Any], schemas: Mapping[str, Any], *, name: str = "") -> Any:
    """Return a value that a schema allows, as it might be in a real installation."""
    return _example(schema, schemas, name, 0)


def _example(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str, depth: int) -> Any:
    if "$ref" in schema:
        return _example(schemas[schema["$ref"].rpartition("/")[2]], schemas, name, depth)
    for given in ("example", "const", "default"):
        if schema.get(given) is not None:
            return _filled(schema[given], schema, schemas, depth)
    if schema.get("examples"):
        return schema["examples"][0]
    if "enum" in schema:
        wanted = _VALUES.get(name)
        return wanted if wanted in schema["enum"] else schema["enum"][0]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return _one_of(schema[several], schemas, name, depth)
    return _of_type(schema, schemas, name, depth)


def _filled(shown: Any, schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> Any:
    """Return an example that a model brings, with what it must have and leaves out."""
    if not isinstance(shown, dict):
        return shown
    known = schema.get("properties", {})
    missing = {
        each: _example(known[each], schemas, each, depth + 1)
        for each in schema.get("required", ())
        if each not in shown and each in known
    }
    return {**shown, **missing}


def _one_of(
    choices: list[Mapping[str, Any]], schemas: Mapping[str, Any], name: str, depth: int
) -> Any:
    is_optional = any(each.get("type") == "null" for each in choices)
    if is_optional and name in _VALUES and _VALUES[name] is None:
        return None
    if is_optional and depth >= _DEEPEST:
        return None
    real = [each for each in choices if each.get("type") != "null"]
    return _example(real[0], schemas, name, depth)


def _of_type(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str, depth: int) -> Any:
    match schema.get("type"):
        case "object":
            return {
                each: _example(inner, schemas, each, depth + 1)
                for each, inner in schema.get("properties", {}).items()
            }
        case "array":
            if depth >= _DEEPEST and not schema.get("minItems"):
                return []
            singular = name.removesuffix("s")
            return [_example(schema.get("items", {}), schemas, singular, depth + 1)]
        case "boolean":
            return True
        case "null":
            return None
        case "integer" | "number":
            return _number(schema)
        case "string":
            return _string(schema, name)
    return {}


def _number(schema: Mapping[str, Any]) -> int | float:
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    if least is None or least < 1:
        return 1 if schema.get("maximum", 1) >= 1 else 0
    return int(least) + (1 if "exclusiveMinimum" in schema else 0)


def _string(schema: Mapping[str, Any], name: str) -> str:
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    wanted = _VALUES.get(name)
    text = wanted if isinstance(wanted, str) else "1" if name.endswith("id") else "…"
    if "pattern" in schema and "0-9" in schema["pattern"]:
        text = "34"
    least = schema.get("minLength", 0)
    return text if len(text) >= least else text.ljust(least, "x")
