"""Each public function shows an example that is true."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

from pacer_pipelines import stats

MODULES = sorted(module.name for module in pkgutil.iter_modules(stats.__path__))


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_are_true(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"{stats.__name__}.{name}"))
    assert result.failed == 0


@pytest.mark.parametrize("name", [name for name in stats.__all__ if inspect.isfunction(getattr(stats, name))])
def test_every_public_function_has_an_example(name: str) -> None:
    assert ">>>" in (getattr(stats, name).__doc__ or "")
