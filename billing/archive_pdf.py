"""A drawn paper made fit for an archive: PDF/A-3b, with its machine-readable twin inside.

What reportlab wrote is taken object by object and written again with what an archive asks for: the
meaning of its colours, XMP metadata that agree with its information, streams that end as they must,
an identifier, and no transparency, script or encryption. A file that goes with it is embedded and
bound to the document. For an e-invoice that is Factur-X: the XML beside the paper.

The same paper gives the same bytes.

Source: ISO 19005-3 (PDF/A-3), sections 6.1, 6.2.3, 6.6 and 6.8; ISO 32000-1, 7.5 and 14.13;
Factur-X 1.0.7 / ZUGFeRD 2.3, chapter 6 (XMP extension schema, name of the file, relationship).
"""

import hashlib
import itertools
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal
from xml.sax.saxutils import escape

from billing import srgb

FACTURX_NAME: Final = "factur-x.xml"
"""What the e-invoice is called inside; the norm leaves no choice."""

_PRODUCER: Final = "Leitstand"


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file inside the paper.

    Attributes:
        name: What it is called, in ASCII.
        media_type: Such as `text/xml`.
        content: The file.
        relationship: `Alternative` says the same as the paper, `Data` is what it was drawn from.
        description: For people, in the paper's language.
    """

    name: str
    media_type: str
    content: bytes
    relationship: Literal["Alternative", "Data", "Supplement"]
    description: str


@dataclass(frozen=True, slots=True)
class Description:
    """What the file says of itself, in its information and in its metadata alike.

    `created_at` is the paper's moment of issue.
    """

    title: str
    author: str
    subject: str
    language: str
    created_at: datetime


def archived(drawn: bytes, description: Description, enclosures: Sequence[Enclosure] = ()) -> bytes:
    """Return a drawn PDF as PDF/A-3b, with files inside.

    Args:
        drawn: As reportlab wrote it: whole, without encryption, all fonts embedded.
        description: Replaces what the drawn file says of itself.
        enclosures: One named `factur-x.xml` makes it a Factur-X file of the profile EN 16931.
    """
    objects, root, info = _taken_apart(drawn)
    moment = description.created_at.astimezone(UTC)
    is_invoice = any(each.name == FACTURX_NAME for each in enclosures)

    def added(content: bytes) -> bytes:
        objects.append(content)
        return f"{len(objects)} 0 R".encode()

    colours = added(_stream(srgb.profile(), {"N": "3"}, packed=True))
    metadata = added(
        _stream(
            _xmp(description, moment, is_invoice=is_invoice).encode(),
            {"Type": "/Metadata", "Subtype": "/XML"},
        )
    )
    intent = added(
        b"<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (%b) /Info (%b)"
        b" /RegistryName (http://www.color.org) /DestOutputProfile %b >>"
        % (srgb.NAME.encode(), srgb.NAME.encode(), colours)
    )
    entries = b" /Metadata %b /OutputIntents [ %b ]" % (metadata, intent)
    files = {each.name: added(_file_entry(each, added(_file(each, moment)))) for each in enclosures}
    if files:
        named = b" ".join(_string(name) + b" " + files[name] for name in sorted(files))
        entries += b" /AF [ %b ] /Names << /EmbeddedFiles << /Names [ %b ] >> >>" % (
            b" ".join(files.values()),
            named,
        )
    objects[root - 1] = _with_entries(objects[root - 1], entries)
    objects[info - 1] = _information(description, moment)
    return _put_together(objects, root, info)


# ------------------------------------------------------------------- the file and its objects


def _taken_apart(drawn: bytes) -> tuple[list[bytes], int, int]:
    """Return the objects in the order of their numbers, and which are the root and the info."""
    end = drawn.rindex(b"startxref")
    table = int(drawn[end:].split()[1])
    lines = drawn[table:].split(b"\n")
    assert lines[0] == b"xref", "the drawn file has no plain table of its objects"
    count = int(lines[1].split()[1])
    starts = [int(line.split()[0]) for line in lines[3 : count + 2]]
    ends = dict(itertools.pairwise([*sorted(starts), table]))
    objects = []
    for number, start in enumerate(starts, start=1):
        raw = drawn[start : ends[start]]
        head, _, rest = raw.partition(b" obj\n")
        assert head == b"%d 0" % number, f"object {number} is not where the table says"
        assert rest.endswith(b"endobj\n")
        objects.append(_ended_well(rest[: -len(b"endobj\n")].rstrip(b"\n")))
    trailer = drawn[table:]
    root = re.search(rb"/Root (\d+) 0 R", trailer)
    info = re.search(rb"/Info (\d+) 0 R", trailer)
    assert root is not None
    assert info is not None
    return objects, int(root[1]), int(info[1])


def _ended_well(content: bytes) -> bytes:
    """Return an object whose stream, if it is one, has a line of its own for its end."""
    if not content.endswith(b"endstream"):
        return content
    return content.removesuffix(b"endstream") + b"\nendstream"


def _put_together(objects: Sequence[bytes], root: int, info: int) -> bytes:
    """Return the file: head, objects, the table of where they are, and the trailer."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = len(out)
    digest = hashlib.md5(out, usedforsecurity=False).hexdigest().encode()
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R /ID [ <%b> <%b> ] >>\n" % (
        len(objects) + 1,
        root,
        info,
        digest,
        digest,
    )
    out += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(out)


def _with_entries(dictionary: bytes, entries: bytes) -> bytes:
    body = dictionary.rstrip()
    assert body.startswith(b"<<")
    assert body.endswith(b">>")
    return body[:-2].rstrip() + entries + b"\n>>"


def _stream(content: bytes, entries: Mapping[str, str], *, packed: bool = False) -> bytes:
    body = zlib.compress(content, 9) if packed else content
    head = "".join(f" /{name} {value}" for name, value in entries.items())
    if packed:
        head += " /Filter /FlateDecode"
    return b"<<%b /Length %d >>\nstream\n%b\nendstream" % (head.encode(), len(body), body)


def _string(text: str) -> bytes:
    """Return a text string of PDF: as UTF-16, so that every letter stays what it is."""
    return b"<" + ("\ufeff" + text).encode("utf-16-be").hex().encode() + b">"


def _date(moment: datetime) -> bytes:
    return moment.strftime("(D:%Y%m%d%H%M%SZ)").encode()


def _information(description: Description, moment: datetime) -> bytes:
    return b"<< /Title %b /Author %b /Subject %b /Creator %b /Producer %b" % (
        _string(description.title),
        _string(description.author),
        _string(description.subject),
        _string(_PRODUCER),
        _string(_PRODUCER),
    ) + b" /CreationDate %b /ModDate %b >>" % (_date(moment), _date(moment))


# ------------------------------------------------------------------------------- files inside


def _file(enclosure: Enclosure, moment: datetime) -> bytes:
    digest = hashlib.md5(enclosure.content, usedforsecurity=False).hexdigest()
    return _stream(
        enclosure.content,
        {
            "Type": "/EmbeddedFile",
            "Subtype": "/" + enclosure.media_type.replace("/", "#2F"),
            "Params": f"<< /Size {len(enclosure.content)} /CheckSum <{digest}>"
            f" /ModDate {_date(moment).decode()} >>",
        },
        packed=True,
    )


def _file_entry(enclosure: Enclosure, reference: bytes) -> bytes:
    name = _string(enclosure.name)
    return (
        b"<< /Type /Filespec /F %b /UF %b /Desc %b /AFRelationship /%b /EF << /F %b /UF %b >> >>"
        % (
            name,
            name,
            _string(enclosure.description),
            enclosure.relationship.encode(),
            reference,
            reference,
        )
    )


# ----------------------------------------------------------------------------------- metadata


def _xmp(description: Description, moment: datetime, *, is_invoice: bool) -> str:
    """Return the metadata; they say the same as the information, in the words of XMP."""
    when = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    language = escape(description.language)
    return _XMP.format(
        title=escape(description.title),
        author=escape(description.author),
        subject=escape(description.subject),
        language=language,
        producer=_PRODUCER,
        when=when,
        invoice=_xmp_of_invoice() if is_invoice else "",
    )


def _xmp_of_invoice() -> str:
    """Return what makes it Factur-X, behind the schema that explains the four words used."""
    properties = "".join(
        _XMP_PROPERTY.format(name=name, description=description)
        for name, description in _XMP_PROPERTIES.items()
    )
    return _XMP_INVOICE.format(namespace=_XMP_NAMESPACE, properties=properties, name=FACTURX_NAME)


_XMP: Final = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
   <pdfaid:part>3</pdfaid:part>
   <pdfaid:conformance>B</pdfaid:conformance>
  </rdf:Description>
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
   <dc:format>application/pdf</dc:format>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
   <dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>
   <dc:description>
    <rdf:Alt><rdf:li xml:lang="x-default">{subject}</rdf:li></rdf:Alt>
   </dc:description>
   <dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>
  </rdf:Description>
  <rdf:Description rdf:about="" xmlns:pdf="http://ns.adobe.com/pdf/1.3/">
   <pdf:Producer>{producer}</pdf:Producer>
  </rdf:Description>
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
   <xmp:CreatorTool>{producer}</xmp:CreatorTool>
   <xmp:CreateDate>{when}</xmp:CreateDate>
   <xmp:ModifyDate>{when}</xmp:ModifyDate>
  </rdf:Description>
{invoice} </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""

_XMP_NAMESPACE: Final = "urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#"

_XMP_PROPERTIES: Final = {
    "DocumentFileName": "The name of the embedded XML document",
    "DocumentType": "The type of the hybrid document in capital letters",
    "Version": "The version of the standard of the XML document",
    "ConformanceLevel": "The profile of the XML document",
}

_XMP_PROPERTY: Final = """        <rdf:li rdf:parseType="Resource">
         <pdfaProperty:name>{name}</pdfaProperty:name>
         <pdfaProperty:valueType>Text</pdfaProperty:valueType>
         <pdfaProperty:category>external</pdfaProperty:category>
         <pdfaProperty:description>{description}</pdfaProperty:description>
        </rdf:li>
"""

_XMP_INVOICE: Final = """  <rdf:Description rdf:about=""
    xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
    xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
    xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
   <pdfaExtension:schemas>
    <rdf:Bag>
     <rdf:li rdf:parseType="Resource">
      <pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>
      <pdfaSchema:namespaceURI>{namespace}</pdfaSchema:namespaceURI>
      <pdfaSchema:prefix>fx</pdfaSchema:prefix>
      <pdfaSchema:property>
       <rdf:Seq>
{properties}       </rdf:Seq>
      </pdfaSchema:property>
     </rdf:li>
    </rdf:Bag>
   </pdfaExtension:schemas>
  </rdf:Description>
  <rdf:Description rdf:about="" xmlns:fx="{namespace}">
   <fx:DocumentType>INVOICE</fx:DocumentType>
   <fx:DocumentFileName>{name}</fx:DocumentFileName>
   <fx:Version>1.0</fx:Version>
   <fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>
  </rdf:Description>
"""
