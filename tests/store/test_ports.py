"""The cellar keeps what the corridor's hatches promise."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from outreach.service import ports
from outreach.store.engine import Store
from outreach.store.unit import StoreUnit


def _methods(protocol: type) -> list[str]:
    return [name for name, _ in inspect.getmembers(protocol, inspect.isfunction) if name[0] != "_"]


def _parameters(method: Any) -> list[tuple[str, Any, Any]]:
    found = inspect.signature(method).parameters.values()
    return [(parameter.name, parameter.kind, parameter.default) for parameter in found]


@pytest.mark.parametrize("name", _methods(ports.Unit))
def test_a_unit_has_every_method(name: str) -> None:
    assert _parameters(getattr(StoreUnit, name)) == _parameters(getattr(ports.Unit, name))


@pytest.mark.parametrize("name", _methods(ports.Database))
def test_a_store_has_every_method(name: str) -> None:
    assert callable(getattr(Store, name))
