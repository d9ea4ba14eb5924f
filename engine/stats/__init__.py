"""Statistics: the logs of all runs as SQL tables.

Importing this does not import duckdb; the first query does.
"""

from __future__ import annotations

from .ingest import Refreshed
from .session import QuerySession, Result, TableInfo

__all__ = ["QuerySession", "Refreshed", "Result", "TableInfo"]
