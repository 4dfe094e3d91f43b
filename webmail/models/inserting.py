"""Inserting many rows, past the ORM's compiler, which costs several times what the database takes to store them.

One statement per batch, its text kept; values go through the fields' own conversion where they need one. Models with defaults
of the database or values made while saving are not for this.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection, models

PARAMETERS = 8000  # SQLite takes 32,766, PostgreSQL 65,535; beyond some thousand nothing is gained

Row = Sequence[Any]
_PLAIN = (
    models.CharField,
    models.TextField,
    models.BooleanField,
    models.IntegerField,
    models.BinaryField,
    models.ForeignKey,
)


def bulk_insert(
    model: type[models.Model],
    columns: Sequence[str],
    rows: Sequence[Row],
    *,
    unique: Sequence[str] = (),
    update: Sequence[str] = (),
    ids: bool = False,
) -> list[int]:
    """Insert ``rows``, values in the order of ``columns`` (as the table names them); with ``ids`` return their ids.

    With ``unique`` a row that is there already takes over the values of ``update``. Inside the caller's transaction.
    """
    shape = _Shape(model, tuple(columns), tuple(unique), tuple(update), ids)
    convert = _conversions(model, shape.columns)
    size = max(1, PARAMETERS // len(columns))
    found: list[int] = []
    with connection.cursor() as cursor:
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            parameters = [
                value if change is None or value is None else change(value)
                for row in batch
                for value, change in zip(row, convert, strict=True)
            ]
            cursor.execute(_statement(shape, len(batch)), parameters)
            if ids:
                found += [each[0] for each in cursor.fetchall()]
    return found


@dataclass(frozen=True)
class _Shape:
    """A statement but for the number of its rows."""

    model: type[models.Model]
    columns: tuple[str, ...]
    unique: tuple[str, ...]
    update: tuple[str, ...]
    ids: bool


@lru_cache(maxsize=32)
def _conversions(model: type[models.Model], columns: tuple[str, ...]) -> tuple[Callable[[Any], Any] | None, ...]:
    fields = {field.column: field for field in model._meta.concrete_fields}  # noqa: SLF001 - Django documents it
    return tuple(None if isinstance(fields[name], _PLAIN) else _conversion(fields[name]) for name in columns)


def _conversion(field: "models.Field[Any, Any]") -> Callable[[Any], Any]:
    if connection.vendor == "sqlite" and isinstance(field, models.DateTimeField):
        return connection.ops.adapt_datetimefield_value
    if connection.vendor == "sqlite" and isinstance(field, models.JSONField):
        return json.dumps
    return lambda value: field.get_db_prep_save(value, connection)


@lru_cache(maxsize=64)
def _statement(shape: _Shape, count: int) -> str:
    quote = connection.ops.quote_name
    values = ", ".join(["(" + ", ".join(["%s"] * len(shape.columns)) + ")"] * count)
    table, columns = shape.model._meta.db_table, ", ".join(map(quote, shape.columns))  # noqa: SLF001
    text = f"INSERT INTO {quote(table)} ({columns}) VALUES {values}"  # noqa: S608 - no value is in it
    if shape.unique:
        taken = ", ".join(f"{quote(name)} = EXCLUDED.{quote(name)}" for name in shape.update)
        text += f" ON CONFLICT ({', '.join(map(quote, shape.unique))}) DO UPDATE SET {taken}"
    return text + (" RETURNING " + quote("id") if shape.ids else "")
