"""What is secret in what is said on the wire, and how it is shown: the one place of the rule.

Passwords and keys of stations are write-only by the standards; some stations tell them all the
same, and addresses of file servers carry credentials. None of it is kept or shown readable: not in
the OCPP log, nor in commands and their answers, nor in what is known of a station's settings.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

MASK: Final = "********"

_NAMES: Final = (
    "authorizationkey",
    "password",
    "passwd",
    "passphrase",
    "secret",
    "psk",
    "presharedkey",
    "vpnkey",
)
_VALUES: Final = ("value", "attributeValue", "actualValue")
_CREDENTIALS: Final = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)[^\s/?#\"'\\]+@")
_SUSPECT: Final = re.compile(rf"(?i){'|'.join(_NAMES)}|\"vpn\"|://[^\s/?#\"'\\]+@")
_WITHIN: Final = re.compile(
    rf"(?i)([\"'][^\"'\\]{{0,40}}(?:{'|'.join(_NAMES)})[^\"'\\]{{0,20}}\\*[\"']\s*:\s*\\*[\"'])"
    r"[^\"'\\]*"
)
"""A secret in a text that itself is JSON, or that is none any more."""
_ANY_VALUE: Final = re.compile(rf'("(?:{"|".join(_VALUES)})"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|$)')
_KEY: Final = re.compile(r'("key"\s*:\s*)"(?:[^"\\]|\\.)*(?:"|$)')
"""The key of a VPN in a text that is no JSON any more."""


def is_secret(name: str) -> bool:
    """Tell whether a setting of this name is a secret; large and small letters are the same."""
    low = name.casefold()
    return any(each in low for each in _NAMES)


def shown(name: str, value: str | None) -> str | None:
    """Return the value of a setting as it may be kept."""
    if not value:
        return value
    return MASK if is_secret(name) else _text(value)


def without_secrets(said: Any) -> Any:
    """Return what was said as it may be kept and shown; equal to it if it holds no secret.

    Args:
        said: What JSON may be.
    """
    if isinstance(said, str):
        return _text(said)
    if isinstance(said, list | tuple):
        return [without_secrets(each) for each in said]
    if not isinstance(said, Mapping):
        return said
    hides_values = any(map(is_secret, _settings_named(said)))
    made: dict[Any, Any] = {}
    for name, inner in said.items():
        if isinstance(inner, str) and inner and _is_hidden(said, str(name), hides=hides_values):
            made[name] = MASK
        elif hides_values and name == "variableAttribute" and isinstance(inner, list | tuple):
            made[name] = [_attribute(each) for each in inner]
        else:
            made[name] = without_secrets(inner)
    return made


def text_without_secrets(raw: str) -> str:
    """Return a frame as the OCPP log keeps it; the very same text if it holds no secret."""
    if not _SUSPECT.search(raw):
        return raw
    try:
        said = json.loads(raw)
    except (ValueError, RecursionError):
        if '"vpn"' in raw.casefold():
            raw = _KEY.sub(rf'\1"{MASK}"', raw)
        return _ANY_VALUE.sub(rf'\1"{MASK}"', _text(raw))
    kept = without_secrets(said)
    return raw if kept == said else json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


def _settings_named(said: Mapping[Any, Any]) -> list[str]:
    """Return the names of the setting that an object is about, if it is about one."""
    variable = said.get("variable")
    found = [said.get("key"), variable]
    if isinstance(variable, Mapping):
        found += [variable.get("name"), variable.get("instance")]
    return [each for each in found if isinstance(each, str)]


def _is_hidden(said: Mapping[Any, Any], name: str, *, hides: bool) -> bool:
    if hides and name in _VALUES:
        return True
    if name == "key":
        return "server" in said  # of a VPN; elsewhere it is a setting's name
    return is_secret(name)


def _attribute(each: Any) -> Any:
    if isinstance(each, Mapping) and isinstance(each.get("value"), str) and each["value"]:
        return {**each, "value": MASK}
    return without_secrets(each)


def _text(text: str) -> str:
    if "@" in text and "://" in text:
        text = _CREDENTIALS.sub(rf"\1{MASK}@", text)
    return _WITHIN.sub(rf"\1{MASK}", text) if ":" in text and len(text) > 8 else text
