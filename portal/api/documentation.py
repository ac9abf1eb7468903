"""The readable page of the API, made from its OpenAPI document.

It needs no script and no other host, as the portal's security headers demand.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup, escape

_METHODS = ("get", "post", "put", "patch", "delete")

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: #0a6b54; }
@media (prefers-color-scheme: dark) { :root { --accent: #5fd3b3; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
a { color: var(--accent); }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
pre { background: var(--soft); padding: .75rem; border-radius: 6px; overflow-x: auto; }
nav ul { columns: 18rem; padding-left: 1.2rem; }
section { border-top: 1px solid var(--line); margin-top: 2rem; }
article { border: 1px solid var(--line); border-radius: 6px; margin: 1rem 0; }
article { padding: 0 1rem; overflow-wrap: anywhere; }
article h3 { font-size: 1rem; }
.method { color: var(--accent); font-weight: 700; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .5rem .25rem 0; }
td, th { border-top: 1px solid var(--line); }
"""


def page(document: Mapping[str, Any]) -> str:
    """Return the page as HTML."""
    info = document["info"]
    subjects: dict[str, list[tuple[str, str, Mapping[str, Any]]]] = {}
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if method in operations:
                operation = operations[method]
                subject = (operation.get("tags") or ["other"])[0]
                subjects.setdefault(subject, []).append((method, path, operation))
    parts = [
        Markup(
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<link rel="stylesheet" href="/api/docs.css"></head><body><header><h1>{title}</h1>'
            '{text}<p>The same for programs: <a href="/api/v1/openapi.json">openapi.json</a></p>'
            '</header><nav aria-label="Calls"><ul>'
        ).format(title=info["title"], text=_paragraphs(info.get("description", "")))
    ]
    parts += [
        Markup('<li><a href="#{}">{}</a></li>').format(subject, subject) for subject in subjects
    ]
    parts.append(Markup("</ul></nav><main>"))
    schemas = document.get("components", {}).get("schemas", {})
    for subject, calls in subjects.items():
        parts.append(Markup('<section id="{}"><h2>{}</h2>').format(subject, subject))
        parts += [_call(method, path, call, schemas) for method, path, call in calls]
        parts.append(Markup("</section>"))
    parts.append(Markup("</main></body></html>"))
    return "".join(parts)


def _paragraphs(text: str) -> Markup:
    blocks = [block for block in text.split("\n\n") if block.strip()]
    return Markup("").join(Markup("<p>{}</p>").format(_with_code(block)) for block in blocks)


def _with_code(text: str) -> Markup:
    """Return the text with `words` between backticks as code."""
    pieces = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece)
        for place, piece in enumerate(pieces)
    )


def _call(
    method: str, path: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Markup:
    parts = [
        Markup(
            '<article id="{id}"><h3><span class="method">{method}</span> <code>{path}</code></h3>'
            "<p><strong>{summary}</strong></p>{text}"
        ).format(
            id=operation.get("operationId", ""),
            method=method.upper(),
            path=path,
            summary=operation.get("summary", ""),
            text=_paragraphs(operation.get("description", "")),
        )
    ]
    parameters = operation.get("parameters", [])
    if parameters:
        rows = Markup("").join(
            _row(
                each["name"],
                f"{each['in']}, {_kind(each.get('schema', {}))}",
                each.get("description") or each.get("schema", {}).get("description", ""),
                is_needed=each.get("required", False),
            )
            for each in parameters
        )
        parts.append(Markup("<h4>Parameters</h4><table>{}</table>").format(rows))
    for media_type, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(Markup("<h4>Body: <code>{}</code></h4>").format(media_type))
        parts.append(_schema(content.get("schema", {}), schemas))
        parts += _examples(content, schemas)
    for status, response in operation.get("responses", {}).items():
        parts.append(
            Markup("<h4>Answer {}</h4>{}").format(
                status, _paragraphs(response.get("description", ""))
            )
        )
        for media_type, content in response.get("content", {}).items():
            schema = content.get("schema", {})
            parts.append(Markup("<p><code>{}</code> {}</p>").format(media_type, _kind(schema)))
            if not status.startswith("4"):
                parts.append(_schema(schema, schemas))
                parts += _examples(content, schemas)
    parts.append(Markup("</article>"))
    return Markup("").join(parts)


def _row(name: str, kind: str, text: str, *, is_needed: bool) -> Markup:
    return Markup("<tr><th><code>{}</code></th><td>{}{}</td><td>{}</td></tr>").format(
        name, kind, Markup(", <em>needed</em>") if is_needed else "", _with_code(text)
    )


def _schema(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Markup:
    """Return the fields of an object; of anything else nothing, since its kind says it."""
    schema = _resolved(schema, schemas)
    fields = schema.get("properties", {})
    if not fields:
        return Markup("")
    needed = schema.get("required", [])
    rows = Markup("").join(
        _row(name, _kind(field), field.get("description", ""), is_needed=name in needed)
        for name, field in fields.items()
    )
    return Markup("<table>{}</table>").format(rows)


def _examples(content: Mapping[str, Any], schemas: Mapping[str, Any]) -> Iterator[Markup]:
    found = content.get("example")
    if found is None:
        schema = _resolved(content.get("schema", {}), schemas)
        examples = schema.get("examples") or [schema.get("example")]
        found = examples[0]
    if found is not None:
        text = found if isinstance(found, str) else json.dumps(found, indent=2, ensure_ascii=False)
        yield Markup("<pre>{}</pre>").format(text)


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        found = schemas.get(schema["$ref"].rpartition("/")[2], {})
        assert isinstance(found, Mapping)
        return found
    return schema


def _kind(schema: Mapping[str, Any]) -> str:
    """Return the kind of a value in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " | ".join(dict.fromkeys(_kind(each) for each in schema[several]))
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    kind = str(schema.get("type", "any"))
    return f"{kind} ({schema['format']})" if "format" in schema else kind
