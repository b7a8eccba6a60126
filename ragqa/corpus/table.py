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
has_abstract
    True where a section of the abstract holds text.
year
    null where unknown.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

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
    ]
    return pa.schema(columns)


def record_batch(documents: Sequence[Document]) -> "pa.RecordBatch":
    """Documents as columns of :func:`schema`."""
    import pyarrow as pa

    fields = schema()
    columns = [_column(documents, field.name, field.type) for field in fields]
    return pa.RecordBatch.from_arrays(columns, schema=fields)


def has_abstract(document: Document) -> bool:
    """True where a section of the abstract holds text."""
    return any(section.text for section in abstract_sections(document))


def _column(documents: Sequence[Document], name: str, kind: "pa.DataType") -> "pa.Array[Any]":
    import pyarrow as pa

    if name == "has_abstract":
        return pa.array([has_abstract(document) for document in documents], kind)
    values = list(map(attrgetter(name), documents))
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        return _lists(values, lambda items: _structs(items, kind.value_type), kind)
    if pa.types.is_list(kind):
        return _lists(values, lambda items: pa.array(items, kind.value_type), kind)
    return pa.array(values, kind)


def _lists(
    values: Iterable[Sequence[Any]], to_array: Callable[[list[Any]], "pa.Array[Any]"], kind: "pa.DataType"
) -> "pa.Array[Any]":
    # Flat arrays with offsets: ten times faster than letting pyarrow walk over dictionaries.
    import pyarrow as pa

    offsets = [0]
    items: list[Any] = []
    for value in values:
        items.extend(value)
        offsets.append(len(items))
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), to_array(items), type=kind)


def _structs(items: list[Any], kind: "pa.StructType") -> "pa.Array[Any]":
    import pyarrow as pa

    children = []
    for field in kind:
        values = list(map(attrgetter(field.name), items))
        children.append(
            _lists(values, lambda texts: pa.array(texts, pa.string()), field.type)
            if pa.types.is_list(field.type)
            else pa.array(values, field.type)
        )
    return pa.StructArray.from_arrays(children, fields=list(kind))
