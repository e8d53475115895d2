"""PACER's database on a server: one read-only REPEATABLE READ transaction, read through server-side cursors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from pacer_pipelines.adapters.pacer_columns import Field
from pacer_pipelines.errors import SourceUnreadable

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

_T = TypeVar("_T")
BATCH = 5000
CONNECT_SECONDS = 10
# Set inside the transaction, which also a pooler between us and the server allows. Text of times does not depend on
# whose session reads it. A migration of PACER that waits for us makes all of PACER wait, so nothing lasts for ever.
_SESSION = (
    "SET LOCAL TIME ZONE 'UTC'",
    "SET LOCAL datestyle = 'ISO, YMD'",
    "SET LOCAL lock_timeout = '10s'",
    "SET LOCAL statement_timeout = '10min'",
    "SET LOCAL idle_in_transaction_session_timeout = '10min'",
)
_SCHEMA_OF = (
    "SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.oid = to_regclass(:name)"
)
_KINDS = ("postgresql", "mysql", "mariadb")
# Errors whose text is about rights, locks and names. Others may quote a value of a row.
_TELLING = (
    "InsufficientPrivilege",
    "LockNotAvailable",
    "QueryCanceled",
    "UndefinedColumn",
    "UndefinedTable",
)


@contextmanager
def server_reader(source: str, url: str) -> Iterator[ServerReader]:
    """Give a reader of a database server, all in one transaction that can write nothing.

    Raises:
        SourceUnreadable: If the URL cannot be used or the server does not let us in; the message never holds the
            password.
    """
    from sqlalchemy.exc import SQLAlchemyError

    engine, where = _engine(source, url)
    try:
        connection = engine.connect()
    except SQLAlchemyError as error:
        raise SourceUnreadable(source, where, _refusal(error, engine.url)) from None
    with connection:
        try:
            postgresql = engine.dialect.name == "postgresql"
            only = {"postgresql_readonly": True} if postgresql else {}
            reading = connection.execution_options(isolation_level="REPEATABLE READ", **only)
            for statement in _SESSION if postgresql else ():
                reading.exec_driver_sql(statement)
        except SQLAlchemyError as error:
            raise SourceUnreadable(source, where, _why(error)) from None
        yield ServerReader(source, where, reading)


def _engine(source: str, url: str) -> tuple[Engine, str]:
    """Make the engine; gives the address as people may see it, too."""
    from sqlalchemy import create_engine, make_url
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    try:
        address = make_url(url)
        kind = address.get_backend_name()
    except (SQLAlchemyError, ValueError):
        raise SourceUnreadable(source, "the configured database URL", "not an SQLAlchemy URL") from None
    where = address.set(query={}).render_as_string(hide_password=True)
    if kind not in _KINDS:
        why = f"{kind}: allowed sqlite, {', '.join(_KINDS)}, which give one snapshot of several tables"
        raise SourceUnreadable(source, where, why)
    timeout = {} if "connect_timeout" in address.query else {"connect_timeout": CONNECT_SECONDS}
    try:
        return create_engine(address, poolclass=NullPool, connect_args=timeout), where
    except ImportError as error:
        why = f"the Python package {error.name} for {address.drivername} is not installed"
        raise SourceUnreadable(source, where, why) from None
    except (SQLAlchemyError, TypeError, ValueError) as error:
        raise SourceUnreadable(source, where, type(error).__name__) from None


class ServerReader:
    """Reads in one transaction."""

    def __init__(self, source: str, where: str, reading: Connection) -> None:
        """Take the connection, whose transaction has begun."""
        self.where, self._source, self._reading = where, source, reading
        self._columns = cache(self._describe)

    def tables(self) -> Sequence[str]:
        """Give the names of tables and views of the schema that is searched first."""
        from sqlalchemy import inspect

        known = inspect(self._reading)
        return self._asked(lambda: known.get_table_names() + known.get_view_names())

    def columns(self, table: str) -> Mapping[str, str]:
        """Give column -> declared type, wherever on the search path the table lies."""
        return self._columns(table)[1]

    def batches(
        self, table: str, fields: Sequence[Field], distinct: bool = False
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Give the rows in order of the first field; the server keeps what has not been asked for."""
        from sqlalchemy import column, select
        from sqlalchemy import table as named
        from sqlalchemy.exc import SQLAlchemyError

        schema, _ = self._columns(table)
        chosen = select(*map(self._taken, fields)).select_from(named(table, schema=schema))
        if distinct:
            chosen = chosen.distinct()
        try:
            found = self._reading.execution_options(yield_per=BATCH).execute(
                chosen.order_by(column(fields[0].column))
            )
            for rows in found.partitions():
                yield [tuple(map(_plain, row)) for row in rows]
        except SQLAlchemyError as error:
            raise SourceUnreadable(self._source, self.where, f"{table}: {_why(error)}") from None

    def _taken(self, field: Field) -> Any:
        from sqlalchemy import Text, cast, column, func

        if field.kind == "length":
            return func.char_length(column(field.column))
        if field.kind == "time" and self._reading.dialect.name == "postgresql":
            # 'infinity' and the year 0001 BC are text here and an exception in Python
            return cast(column(field.column), Text)
        return column(field.column)

    def _describe(self, table: str) -> tuple[str | None, dict[str, str]]:
        """Give schema and columns of a table."""
        from sqlalchemy import inspect, text

        def ask() -> tuple[str | None, dict[str, str]]:
            schema = None
            if self._reading.dialect.name == "postgresql":
                schema = self._reading.execute(text(_SCHEMA_OF), {"name": table}).scalar()
                if schema is None:
                    return None, {}
            elif table not in self.tables():
                return None, {}
            found = inspect(self._reading).get_columns(table, schema=schema)
            return schema, {one["name"]: str(one["type"]) for one in found}

        return self._asked(ask)

    def _asked(self, ask: Callable[[], _T]) -> _T:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            return ask()
        except SQLAlchemyError as error:
            raise SourceUnreadable(self._source, self.where, _why(error)) from None


def _plain(value: Any) -> Any:
    """Give a whole number or an id as the other databases give it."""
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    return str(value) if isinstance(value, UUID) else value


def _why(error: Exception) -> str:
    """Name an error of a query; its text only where that cannot hold a value of a row."""
    cause = getattr(error, "orig", None) or error
    name = type(cause).__name__
    return f"{name}: {str(cause).splitlines()[0]}" if name in _TELLING and str(cause) else name


def _refusal(error: Exception, address: URL) -> str:
    """Give the server's words about a connection that failed, without the password."""
    said = str(getattr(error, "orig", None) or error).splitlines()
    why = "; ".join(line.strip() for line in said if not line.strip().startswith("Is the server"))
    for secret in (address.password, address.query.get("password")):
        why = why.replace(str(secret), "***") if secret else why
    return why or type(error).__name__
