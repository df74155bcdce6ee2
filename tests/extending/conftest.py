"""Adds from outside for one test; afterwards the registers are as before."""

import importlib

import pytest

from transfer.heads import register as heads
from zfkeras.data.register import READERS
from zfkeras.models.variants import VARIANTS


@pytest.fixture
def add():
    registers = (heads._HEADS, READERS, VARIANTS)
    before = [dict(register) for register in registers]
    yield lambda name: importlib.reload(
        importlib.import_module(f"tests.extending.{name}")
    )
    for register, content in zip(registers, before, strict=True):
        register.clear()
        register.update(content)
