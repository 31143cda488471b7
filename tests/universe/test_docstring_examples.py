"""The examples in the docstrings of values run, and print what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from hyperverse_core import universe, values

MODULES = sorted(found.name for found in pkgutil.walk_packages(universe.__path__, f"{universe.__name__}."))
VALUES = {name: getattr(values, name) for name in values.__all__}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module, extraglobs=VALUES).failed == 0
