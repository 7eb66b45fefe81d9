"""The environment in which templates run: they can only read what they are given and say it.

Whoever writes a template must not be able to reach anything else, nor to keep the machine busy. So the
language is a small part of Jinja (``message_tree`` refuses the rest), nothing can be called, and no
attribute exists but the keys of the context.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context, LoopContext, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from outreach.domain.message_filters import FILTERS, LOOP, TESTS, must_be_defined, state_of
from outreach.domain.message_values import MAX_NUMBER


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%", "**"])

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Keys of the context and a loop's counters; never an attribute of a Python object."""
        must_be_defined(obj)
        if isinstance(obj, MappingProxyType) and attribute in obj:
            return obj[attribute]
        if isinstance(obj, LoopContext) and attribute in LOOP:
            return getattr(obj, attribute)
        return self.undefined(hint=f"there is no `{attribute}` here")

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(argument, str):
            return self.getattr(obj, argument)
        if isinstance(obj, (tuple, str)) and isinstance(argument, int) and -len(obj) <= argument < len(obj):
            return obj[argument]
        must_be_defined(obj)
        return self.undefined(hint="there is no such item")

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        for side in (left, right):
            must_be_defined(side)
            if isinstance(side, bool) or not isinstance(side, (int, float)):
                raise ValueError(f"`{operator}` takes numbers only")
        result = super().call_binop(context, operator, left, right)
        if abs(result) > MAX_NUMBER:
            raise ValueError("this number is out of bounds")
        return result


@pass_context
def _finalize(context: Context, value: Any) -> str:
    must_be_defined(value)
    return state_of(context).put(value)


def _environment() -> _Sandbox:
    made = _Sandbox(
        undefined=StrictUndefined, finalize=_finalize, autoescape=False, cache_size=0, extensions=(),
    )  # fmt: skip
    made.globals.clear()
    made.filters.clear()
    made.filters.update(FILTERS)
    made.tests.clear()
    made.tests.update(TESTS)
    return made


ENVIRONMENT = _environment()
