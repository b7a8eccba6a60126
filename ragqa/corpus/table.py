"""Documents as Parquet: one schema for every part, for analysis with any tool and for reading single columns.

Columns
-------
id, version
    As in :class:`ragqa.types.Document`; every other column too bears the name of its attribute.
sections
    list of {name, text, label, category}: title first, then the abstract, then other abstracts.
publication_types
    list of {name, ui}.
mesh
    list of {name, ui, major, qualifiers}.
links
    list of {kind, document_id, citation}.
affiliations
    list of lists: those of each author.
chemicals, supplementary_concepts, accessions, grants
    lists of {name, ui, registry_number}, {name, ui, kind}, {bank, number}, {number, acronym, agency, country}.
has_abstract
    True where a section of the abstract holds text.
year
    null where unknown.
"""

import io
from typing import TYPE_CHECKING, Any

import msgspec

from ragqa.corpus.text import abstract_sections
from ragqa.types import Document

if TYPE_CHECKING:
    import pyarrow as pa


def schema() -> "pa.Schema":
    """The schema of every Parquet part."""
    import pyarrow as pa

    text, flag = pa.string(), pa.bool_()
    texts = pa.list_(text)

    def structs(**fields: "pa.DataType") -> "pa.DataType":
        return pa.list_(pa.struct(list(fields.items())))

    columns: list[tuple[str, Any]] = [
        ("id", text),
        ("version", pa.int32()),
        ("sections", structs(name=text, text=text, label=text, category=text)),
        ("has_abstract", flag),
        ("title_translated", flag),
        ("journal", text),
        ("year", pa.int16()),
        ("date", text),
        ("authors", texts),
        ("publication_types", structs(name=text, ui=text)),
        ("mesh", structs(name=text, ui=text, major=flag, qualifiers=texts)),
        ("keywords", texts),
        ("doi", text),
        ("pmcid", text),
        ("languages", texts),
        ("links", structs(kind=text, document_id=text, citation=text)),
        ("retracted", flag),
        ("source", text),
        ("volume", text),
        ("issue", text),
        ("pages", text),
        ("revised", text),
        ("affiliations", pa.list_(texts)),
        ("chemicals", structs(name=text, ui=text, registry_number=text)),
        ("supplementary_concepts", structs(name=text, ui=text, kind=text)),
        ("accessions", structs(bank=text, number=text)),
        ("grants", structs(number=text, acronym=text, agency=text, country=text)),
    ]
    return pa.schema(columns)


class TableBuilder:
    """Gathers documents, of which it keeps nothing but their values, and makes a table of them."""

    def __init__(self) -> None:
        # Through JSON, which Arrow reads without the interpreter lock: four times faster than making arrays of objects.
        self._encoder = msgspec.json.Encoder()
        self._lines = bytearray()
        self._flags: list[bool] = []

    def __len__(self) -> int:
        return len(self._flags)

    @property
    def n_bytes(self) -> int:
        """Size of what is gathered."""
        return len(self._lines)

    def add(self, document: Document) -> None:
        """Append a document."""
        self._encoder.encode_into(document, self._lines, len(self._lines))
        self._lines += b"\n"
        self._flags.append(has_abstract(document))

    def table(self) -> "pa.Table":
        """The documents as columns of :func:`schema`."""
        import pyarrow as pa
        from pyarrow import json

        fields = schema()
        flag = fields.get_field_index("has_abstract")
        columns = json.read_json(
            io.BytesIO(self._lines),
            read_options=json.ReadOptions(use_threads=False, block_size=max(1, len(self._lines))),
            parse_options=json.ParseOptions(explicit_schema=fields.remove(flag)),
        )
        return columns.add_column(flag, fields.field(flag), pa.array(self._flags))


def has_abstract(document: Document) -> bool:
    """True where a section of the abstract holds text."""
    return any(section.text for section in abstract_sections(document))
