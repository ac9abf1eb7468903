"""Codes of languages, as drivers' tokens and displays of stations have them.

Two letters of ISO 639-1, and where the country matters its two letters of ISO 3166-1 behind a
hyphen, as in `de` and `de-CH`: the part of RFC 5646 that OCPP's eight characters hold and stations
understand. Whether a country of that code exists is not checked.

Sources: ISO 639-1; RFC 5646, section 2.1; OCPP 2.0.1 part 2, IdTokenInfoType.language1.
"""

import re
from typing import Final

_CODES = """
aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy
da de dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu
hy hz ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb
lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om
or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw
ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""

ISO_639_1: Final = frozenset(_CODES.split())

PROBLEM: Final = "A language is two letters of ISO 639-1, as in de, or with a country, as in de-CH."

_CODE: Final = re.compile(r"([A-Za-z]{2})(?:-([A-Za-z]{2}))?")


def language_from(written: str) -> str | None:
    """Return the code as it is kept, as in `de` or `de-CH`; None if it is none."""
    found = _CODE.fullmatch(written.strip())
    if found is None or found[1].lower() not in ISO_639_1:
        return None
    return found[1].lower() if found[2] is None else f"{found[1].lower()}-{found[2].upper()}"


def first_of(preferred: tuple[str, ...], offered: tuple[str, ...]) -> str | None:
    """Return the first preferred language that is offered; None if there is none.

    `de-CH` is served by `de`, and `de` by `de-CH`, where there is nothing nearer.
    """
    for wish in preferred:
        if wish in offered:
            return wish
        for each in offered:
            if each.partition("-")[0] == wish.partition("-")[0]:
                return each
    return None
