"""Queries of the clicks, turned into SQL once and not at every click.

Building and compiling a query in Python costs about ten times what the database takes to answer it. So the few that stand
in every click are compiled by the ORM the first time, with a ``Slot`` for each value that the call brings.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, Model, QuerySet, Value
from django.db.models.query import get_related_populators
from django.db.models.sql import UpdateQuery

Row = TypeVar("Row")
LARGEST = 2**63


class Slot(Value):
    """Stands in a query for the value of that name; inside ``pk__in=[Slot("ids")]`` for a list of them.

    ``field`` is needed where nothing beside it says the type. Relations take no slot in a list: ``message__pk__in``.
    """

    def __init__(self, name: str, field: "Field[Any, Any] | None" = None) -> None:
        super().__init__(name, output_field=field)

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> Any:
        return "%s", [self]


class _Sql:
    """One statement as the database wants it; the same for all connections to it."""

    def __init__(self, compiler: Any) -> None:
        self.sql, self.parameters = compiler.as_sql()
        # The pieces between the placeholders, for where a list takes the place of one value.
        self.pieces = self.sql.split("%s")

    def execute(self, cursor: Any, values: dict[str, Any]) -> None:
        """A list becomes as many placeholders as it has values."""
        prepare = connection.ops.adapt_datetimefield_value
        sql, parameters, expanded = [self.pieces[0]], [], False
        for item, piece in zip(self.parameters, self.pieces[1:], strict=True):
            value = values[item.value] if isinstance(item, Slot) else item
            if isinstance(item, Slot) and isinstance(value, list):
                sql.append(", ".join(["%s"] * len(value)))
                parameters += value
                expanded = True
            else:
                sql.append("%s")
                parameters.append(prepare(value) if isinstance(value, datetime) else value)
            sql.append(piece)
        cursor.execute("".join(sql) if expanded else self.sql, parameters)


class _Select(_Sql):
    def __init__(self, compiler: Any) -> None:
        super().__init__(compiler)
        found = compiler.klass_info if compiler.query.default_cols else None
        columns = [column[0] for column in compiler.select[: compiler.col_count]]
        self.converters = list(compiler.get_converters(columns).items())
        self.model: type[Model] | None = found["model"] if found else None
        self.related: list[Any] = []
        self.own = slice(0)
        self.names: list[str] = []
        if found:
            self.own = slice(found["select_fields"][0], found["select_fields"][-1] + 1)
            self.names = [column.target.attname for column in columns[self.own]]
            self.related = get_related_populators(found, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]

    def rows(self, values: dict[str, Any]) -> list[Any]:
        with connection.cursor() as cursor:
            self.execute(cursor, values)
            found = cursor.fetchall()
        rows = self._converted(found) if self.converters else map(tuple, found)
        return list(rows) if self.model is None else [self._made(self.model, row) for row in rows]

    def _converted(self, found: Iterable[Iterable[Any]]) -> Iterator[tuple[Any, ...]]:
        for raw in found:
            row = list(raw)
            for position, (converters, expression) in self.converters:
                for convert in converters:
                    row[position] = convert(row[position], expression, connection)
            yield tuple(row)

    def _made(self, model: type[Model], row: tuple[Any, ...]) -> Model:
        each = model.from_db(DEFAULT_DB_ALIAS, self.names, row[self.own])
        for populator in self.related:
            populator.populate(row, each)
        return each


class Prepared(Generic[Row]):
    """A SELECT. ``build`` makes the query, of models or of ``values_list``, with slots in its filters; nothing prefetched."""

    def __init__(self, build: "Callable[[], QuerySet[Any, Row]]") -> None:
        self._build = build
        self._statement: _Select | None = None

    def __call__(self, **values: Any) -> list[Row]:
        """All rows. Nothing is in an empty list, and an id that no column can hold is nobody's: no rows."""
        if _void(values.values()):
            return []
        if self._statement is None:
            self._statement = _Select(self._build().query.get_compiler(using=DEFAULT_DB_ALIAS))
        return self._statement.rows(values)

    def first(self, **values: Any) -> Row | None:
        """The first row; the query is not limited to it."""
        return next(iter(self(**values)), None)


class PreparedUpdate:
    """An UPDATE: of the rows of ``build``, to ``values``, with slots in both."""

    def __init__(self, build: "Callable[[], QuerySet[Any, Any]]", **values: Any) -> None:
        self._build = build
        self._values = values
        self._statement: _Sql | None = None

    def __call__(self, **values: Any) -> int:
        """How many rows there were."""
        if _void(values.values()):
            return 0
        if self._statement is None:
            query: Any = self._build().query.chain(UpdateQuery)
            query.add_update_values(self._values)
            self._statement = _Sql(query.get_compiler(using=DEFAULT_DB_ALIAS))
        with connection.cursor() as cursor:
            self._statement.execute(cursor, values)
            return int(cursor.rowcount)


def _void(values: Iterable[Any]) -> bool:
    return any(
        not value if isinstance(value, list) else isinstance(value, int) and not -LARGEST <= value < LARGEST
        for value in values
    )
