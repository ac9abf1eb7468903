"""QR codes as inline SVG: what an authenticator program scans.

Source: ISO/IEC 18004, by the library segno; four modules of quiet zone (section 5.3.8).
"""

import segno
from markupsafe import Markup, escape

_QUIET_ZONE = 4


def qr_code(text: str, *, title: str) -> Markup:
    """Return the code as an SVG that needs no style and no script.

    It is always dark on white, whatever the colours of the page: many cameras read only that.
    """
    rows = [bytes(row) for row in segno.make(text, micro=False, error="m").matrix]
    size = len(rows) + 2 * _QUIET_ZONE
    squares = "".join(
        f"M{x + _QUIET_ZONE} {y + _QUIET_ZONE}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, is_dark in enumerate(row)
        if is_dark
    )
    return Markup(
        '<svg class="qr" viewBox="0 0 {size} {size}" width="220" height="220" role="img"'
        ' aria-label="{title}" shape-rendering="crispEdges"><rect width="{size}" height="{size}"'
        ' fill="#fff"/><path d="{squares}" fill="#000"/></svg>'
    ).format(size=size, title=escape(title), squares=squares)
