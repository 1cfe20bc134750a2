"""Examples in ArrayRecord files: the bytes of each column in turn, of the same length in each."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from genlab.data.columns import Column, Image, Label, Mask, Numbers

FORM = 3  # of an index; 1 held a label and an image, 2 not the sha256 of the files
KINDS = {kind.__name__: kind for kind in (Image, Label, Mask, Numbers)}


class Field(NamedTuple):
    """A column of a record: its kind, and the dtype and the shape it is stored in."""

    kind: Column
    dtype: str
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Bytes."""
        return int(np.dtype(self.dtype).itemsize * np.prod(self.shape, dtype=int))

    @classmethod
    def of(cls, kind: Column, value: Any) -> "Field":
        """The field of a column with such values; little-endian on any machine."""
        value = np.asarray(value)
        return cls(kind, value.dtype.newbyteorder("<").str, value.shape)

    def written(self, given: bool) -> list:
        """As JSON has it; a kind that was `given` stays with who gives it."""
        known = None if given else [type(self.kind).__name__, dict(vars(self.kind))]
        return [self.dtype, list(self.shape), known]

    @classmethod
    def read(cls, written: list, kind: Column | None) -> "Field":
        """What `written` gave, with the kind that is given anew."""
        dtype, shape, known = written
        if kind is None:
            name, fields = known
            kind = KINDS[name](**{n: tuple(x) for n, x in fields.items()})
        return cls(kind, dtype, tuple(shape))


class Records:
    """A reader of an ArrayRecord file whose records hold `fields`, in this order."""

    def __init__(
        self, file: Path, fields: Mapping[str, Field], names: Collection[str] | None = None
    ):
        from array_record.python.array_record_data_source import ArrayRecordDataSource

        self.file, self.fields = file, dict(fields)
        self.columns = {n: x.kind for n, x in fields.items() if names is None or n in names}
        self._records = ArrayRecordDataSource([str(file)])

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, i) -> dict[str, np.ndarray]:
        record, found, start = self._records[int(i)], {}, 0
        length = sum(field.size for field in self.fields.values())
        if len(record) != length:
            raise ValueError(f"record {i} of {self.file} has {len(record)} bytes, not {length}")
        for name, field in self.fields.items():
            if name in self.columns:
                part = record[start : start + field.size]
                found[name] = np.frombuffer(part, field.dtype).reshape(field.shape)
            start += field.size
        return found

    def only(self, names: Collection[str]) -> "Records":
        """These columns of it."""
        return Records(self.file, self.fields, names)

    @staticmethod
    def encode(example: Mapping[str, Any], fields: Mapping[str, Field]) -> bytes:
        """The record of an example; ValueError for a value of another shape than its field's."""
        parts = []
        for name, field in fields.items():
            value = np.asarray(example[name], field.dtype)
            if value.shape != field.shape:
                raise ValueError(f"column {name!r} is {value.shape}; expected {field.shape}")
            parts.append(value.tobytes())
        return b"".join(parts)
