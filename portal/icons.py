"""The few icons of the portal, and its mark, as inline SVG; each always stands beside a text.

Drawn for this portal on a grid of 20, one line of 1.6, round ends. They take the colour of the
text around them and their size from attributes, because pages allow no inline styles.
"""

from markupsafe import Markup

_PATHS: dict[str, str] = {
    "overview": '<path d="M3 10.5 10 4l7 6.5M5 9v7h10V9"/>',
    "station": '<path d="M5 17V4.5A1.5 1.5 0 0 1 6.5 3h4A1.5 1.5 0 0 1 12 4.5V17M3.5 17h10'
    'M12 9.5h1.5A1.5 1.5 0 0 1 15 11v2.5a1.25 1.25 0 0 0 2.5 0V8L15 5.5"/>'
    '<path d="M9 6.5 7.3 9.5h2.4L8.2 12.5"/>',
    "session": '<path d="M11 3 4.5 11.5H10L9 17l6.5-8.5H10z"/>',
    "money": '<path d="M5 3h7l3.5 3.5V17H5zM12 3v3.5h3.5M8 10h5M8 13h5"/>',
    "credits": '<circle cx="7.8" cy="7.8" r="4.8"/><path d="M13.6 8.1a4.8 4.8 0 1 1-5.5 5.5"/>',
    "token": '<rect x="3" y="5" width="14" height="10" rx="1.5"/>'
    '<path d="M6 12h3M12.5 8.5a3 3 0 0 1 0 3"/>',
    "tariff": '<path d="M10.5 3H17v6.5L9.5 17 3 10.5z"/><circle cx="13.5" cy="6.5" r="1"/>',
    "organisation": '<path d="M4 17V6l6-3v14M10 8h6v9M3 17h14M6.5 8.5v.01M6.5 12v.01M13 11.5v.01'
    'M13 14v.01"/>',
    "support": '<path d="M4 11V9.5a6 6 0 0 1 12 0V11M4 11h2.5v4.5H5a1 1 0 0 1-1-1z"/>'
    '<path d="M16 11h-2.5v4.5H15a1 1 0 0 0 1-1zM15 15.5c0 1.5-1.5 2-4 2"/>',
    "mail": '<rect x="3" y="5" width="14" height="10.5" rx="1.5"/><path d="m3.5 6 6.5 5 6.5-5"/>',
    "waiting": '<circle cx="10" cy="10" r="7"/><path d="M10 6v4.2l2.8 1.8"/>',
    "design": '<path d="M3.5 16.5 13 7l2 2-9.5 9.5H3.5zM11.5 4.5l1-1 4 4-1 1"/>',
    "search": '<circle cx="9" cy="9" r="5.5"/><path d="m13.2 13.2 3.8 3.8"/>',
    "theme": '<circle cx="10" cy="10" r="6.5"/>'
    '<path d="M10 3.5v13A6.5 6.5 0 0 0 10 3.5z" fill="currentColor"/>',
    "menu": '<path d="M3 6h14M3 10h14M3 14h14"/>',
    "close": '<path d="m5 5 10 10M15 5 5 15"/>',
    "person": '<circle cx="10" cy="7" r="3.2"/><path d="M3.8 17c.6-3.4 3-5 6.2-5s5.6 1.6 6.2 5"/>',
    "group": '<circle cx="7.2" cy="7.5" r="2.6"/><circle cx="13.8" cy="8.5" r="2.1"/>'
    '<path d="M2.6 16c.4-2.8 2.2-4 4.6-4s4.2 1.2 4.6 4M13.2 12.4c2.2-.2 3.8.9 4.2 3.2"/>',
    "key": '<circle cx="6.5" cy="10" r="3.5"/><path d="M10 10h7.5M15 10v3M17.5 10v2"/>',
    "next": '<path d="m8 5 5 5-5 5"/>',
    "back": '<path d="m12 5-5 5 5 5"/>',
    "download": '<path d="M10 3v9.5M6 9l4 4 4-4M4 16.5h12"/>',
    "check": '<path d="m4 10.5 4 4 8-9"/>',
    "alert": '<path d="M10 3.5 17.5 16.5h-15zM10 8.5v3.5M10 14.3v.1"/>',
    "info": '<circle cx="10" cy="10" r="7"/><path d="M10 9.2v4.3M10 6.6v.1"/>',
    "held": '<rect x="3" y="3" width="14" height="14" rx="7"/><path d="M8 7.5v5M12 7.5v5"/>',
    "plug": '<path d="M7 3v4M13 3v4M5 7h10v2.5a5 5 0 0 1-10 0zM10 14.5V17"/>',
    "log": '<path d="M4 5h12M4 8.5h8M4 12h12M4 15.5h6"/>',
    "out": '<path d="M8 4H4v12h4M12 6.5 15.5 10 12 13.5M15 10H8"/>',
}


def icon(name: str, size: int = 18) -> Markup:
    """An icon, hidden from readers of the page's text, because a text always stands beside it.

    Raises:
        KeyError: There is no icon of that name.
    """
    return Markup(  # noqa: S704 - from our own table; the size is a number
        f'<svg class="icon" width="{size:d}" height="{size:d}" viewBox="0 0 20 20"'
        f' aria-hidden="true">{_PATHS[name]}</svg>'
    )


MARK = (
    '<rect width="32" height="32" rx="7" fill="{ground}"/>'
    '<g fill="none" stroke="{line}" stroke-width="2.6" stroke-linecap="round" '
    'stroke-linejoin="round"><path d="M6 21h20"/><path d="M9 21c5 0 5-10 10-10h2"/></g>'
    '<circle cx="24" cy="11" r="2.9" fill="{lamp}"/>'
)
"""The mark: a track plan as control rooms have it, a line that branches towards a lit lamp."""


def mark(size: int = 26) -> Markup:
    """The mark of Leitstand in the colours of the page."""
    drawing = (
        MARK.replace(' fill="{ground}"', ' class="mark-ground"')
        .replace(' stroke="{line}"', ' class="mark-line"')
        .replace(' fill="{lamp}"', ' class="mark-lamp"')
    )
    return Markup(  # noqa: S704 - our own drawing; the size is a number
        f'<svg class="mark" width="{size:d}" height="{size:d}" viewBox="0 0 32 32" '
        f'aria-hidden="true">{drawing}</svg>'
    )


def mark_file() -> str:
    """The mark as a file of its own, for the browser's tab."""
    drawing = MARK.format(ground="#0b5d4e", line="#cfe9e0", lamp="#ffd166")
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">{drawing}</svg>'


ICONS = tuple(_PATHS)
"""The names of all icons."""
