"""What an archive asks of a file: the structure of PDF/A-3b, read with a library of others.

veraPDF judges the whole norm; where it is not on the path, this judges the part that a writer gets
wrong: fonts, colours, metadata, files inside, transparency, encryption, the form of the file.
"""

import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree
from pypdf import PdfReader
from pypdf.generic import ContentStream, DictionaryObject, IndirectObject

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_PDFAID = "{http://www.aiim.org/pdfa/ns/id/}"
_EXTENSION = "{http://www.aiim.org/pdfa/ns/extension/}"
_SCHEMA = "{http://www.aiim.org/pdfa/ns/schema#}"
_PROPERTY = "{http://www.aiim.org/pdfa/ns/property#}"
_FX = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"


def must_be_archivable(content: bytes, *, invoice: bytes | None = None) -> None:
    """Fail with what an archive would say; `invoice` is the XML that must be inside."""
    reader = PdfReader(io.BytesIO(content))
    _form_of_the_file(content, reader)
    _fonts(reader)
    _colours(reader)
    _nothing_forbidden(reader)
    _metadata(reader, is_invoice=invoice is not None)
    if invoice is not None:
        _invoice(reader, invoice)
    _vera(content)


def _form_of_the_file(content: bytes, reader: PdfReader) -> None:
    assert content.startswith(b"%PDF-1.7\n%")
    assert all(each > 127 for each in content[10:14]), "no binary mark in the second line"
    assert content.endswith(b"%%EOF\n")
    assert re.search(rb"/ID \[ <([0-9a-f]{32})> <\1> \]", content)
    assert "/Encrypt" not in reader.trailer
    for found in re.finditer(rb"endstream\nendobj\n", content):
        assert content[found.start() - 1 : found.start()] == b"\n", "a stream without end of line"
    # Each stream is as long as it says.
    for found in re.finditer(rb"/Length (\d+)[^>]*>>\nstream\n", content):
        end = found.end() + int(found[1])
        assert content[end : end + 11] == b"\nendstream\n", "a stream of another length"


def _fonts(reader: PdfReader) -> None:
    for page in reader.pages:
        fonts: Any = page["/Resources"]["/Font"]  # type: ignore[index]
        used = {
            str(operands[0])
            for operands, operator in ContentStream(page.get_contents(), reader).operations
            if operator == b"Tf"
        }
        assert used
        assert used <= set(fonts)
        for name in used:
            font = fonts[name].get_object()
            assert "/ToUnicode" in font, f"{font['/BaseFont']} without its letters"
            descriptor = font["/FontDescriptor"].get_object()
            assert "/FontFile2" in descriptor, f"{font['/BaseFont']} is not embedded"
            assert re.match(r"/[A-Z]{6}\+", font["/BaseFont"])


def _colours(reader: PdfReader) -> None:
    root: Any = reader.root_object
    [reference] = root["/OutputIntents"]
    intent = reference.get_object()
    assert intent["/S"] == "/GTS_PDFA1"
    profile = intent["/DestOutputProfile"].get_object()
    assert profile["/N"] == 3
    assert profile.get_data()[36:40] == b"acsp"
    device = {b"k", b"K", b"cs", b"CS", b"sc", b"scn"}  # anything but RGB and grey
    for page in reader.pages:
        operators = {
            operator for _, operator in ContentStream(page.get_contents(), reader).operations
        }
        assert not operators & device


def _nothing_forbidden(reader: PdfReader) -> None:
    for each in _dictionaries(reader):
        kind = each.get("/Type"), each.get("/S"), each.get("/Subtype")
        assert kind[1] not in ("/Transparency", "/JavaScript", "/Launch")
        assert each.get("/SMask", "/None") == "/None"
        for opacity in ("/CA", "/ca"):
            assert each.get(opacity, 1) == 1
        assert each.get("/BM", "/Normal") in ("/Normal", "/Compatible")
        assert "/JS" not in each
        assert "/AA" not in each
        filters = each.get("/Filter", [])
        assert "/LZWDecode" not in (filters if isinstance(filters, list) else [filters])
    assert "/OpenAction" not in reader.root_object


def _dictionaries(reader: PdfReader) -> Iterator[DictionaryObject]:
    size: Any = reader.trailer["/Size"]
    waiting: list[Any] = [
        reader.get_object(IndirectObject(number, 0, reader)) for number in range(1, size)
    ]
    while waiting:
        each = waiting.pop()
        if isinstance(each, DictionaryObject):
            yield each
            waiting += [inner for inner in each.values() if not isinstance(inner, IndirectObject)]
        elif isinstance(each, list):
            waiting += [inner for inner in each if not isinstance(inner, IndirectObject)]


def _metadata(reader: PdfReader, *, is_invoice: bool) -> None:
    catalog: Any = reader.root_object
    stream = catalog["/Metadata"].get_object()
    assert (stream["/Type"], stream["/Subtype"]) == ("/Metadata", "/XML")
    assert "/Filter" not in stream
    text = stream.get_data()
    assert text.startswith('<?xpacket begin="\ufeff"'.encode())
    root = etree.fromstring(text)

    def said(name: str) -> str:
        return " ".join("".join(root.find(f".//{name}").itertext()).split())

    assert said(f"{_PDFAID}part") == "3"
    assert said(f"{_PDFAID}conformance") == "B"
    info = reader.metadata
    assert info is not None
    dc = "{http://purl.org/dc/elements/1.1/}"
    assert info.title == said(f"{dc}title")
    assert info.author == said(f"{dc}creator")
    assert info.subject == said(f"{dc}description")
    assert info.producer == said("{http://ns.adobe.com/pdf/1.3/}Producer")
    assert info.creator == said("{http://ns.adobe.com/xap/1.0/}CreatorTool")
    assert info.creation_date is not None
    created = said("{http://ns.adobe.com/xap/1.0/}CreateDate")
    assert info.creation_date.strftime("%Y-%m-%dT%H:%M:%SZ") == created
    if is_invoice:
        assert said(f"{_FX}DocumentType") == "INVOICE"
        assert said(f"{_FX}DocumentFileName") == "factur-x.xml"
        assert said(f"{_FX}Version") == "1.0"
        assert said(f"{_FX}ConformanceLevel") == "EN 16931"
        # Each word that is not of a known schema is explained by the extension schema.
        schemas = root.find(f".//{_EXTENSION}schemas")
        uri = schemas.find(f".//{_SCHEMA}namespaceURI").text
        assert f"{{{uri}}}" == _FX
        explained = {each.text for each in schemas.iter(f"{_PROPERTY}name")}
        used = {each.tag.removeprefix(_FX) for each in root.iter() if str(each.tag).startswith(_FX)}
        assert used == explained


def _invoice(reader: PdfReader, xml: bytes) -> None:
    catalog: Any = reader.root_object
    [entry] = catalog["/AF"]
    file = entry.get_object()
    assert file["/F"] == file["/UF"] == "factur-x.xml"
    assert file["/AFRelationship"] in ("/Alternative", "/Data")
    embedded = file["/EF"]["/F"].get_object()
    assert embedded["/Subtype"] == "/text/xml"
    assert embedded.get_data() == xml
    assert "/ModDate" in embedded["/Params"]
    names: Any = reader.root_object["/Names"]
    assert names["/EmbeddedFiles"]["/Names"][0] == "factur-x.xml"


def _vera(content: bytes) -> None:
    """Ask veraPDF, where it is on the path."""
    program = shutil.which("verapdf")
    if program is None:
        return
    verdict = subprocess.run(
        [program, "--flavour", "3b", "--format", "text", "-"],
        input=content,
        capture_output=True,
        cwd=Path.cwd(),
    )
    assert verdict.stdout.startswith(b"PASS"), verdict.stdout.decode() + verdict.stderr.decode()
