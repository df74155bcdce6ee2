"""Settings of commands and records of what they found."""

from zfkeras.records.record import Record
from zfkeras.records.settings import setting
from zfkeras.records.table import Table

__all__ = ["Record", "Table", "setting"]
