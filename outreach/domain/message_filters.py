"""The closed list of filters and tests that templates may use. Each takes and gives plain values only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context, LoopContext, Undefined

from outreach.domain import message_words as words
from outreach.domain.message_values import MAX_OUTPUT, MAX_WORK, STATE, Rendering

LOOP = ("index", "index0", "revindex", "revindex0", "first", "last", "length")
"""What ``loop`` knows inside a ``for``."""


def must_be_defined(value: Any) -> None:
    """A strict undefined raises its own ``UndefinedError`` whatever is done with it."""
    if isinstance(value, Undefined):
        str(value)


def state_of(context: Context) -> Rendering:
    state: Rendering = context[STATE]
    return state


def _scalar(value: Any) -> Any:
    must_be_defined(value)
    if isinstance(value, (tuple, list, Mapping, LoopContext)):
        raise ValueError("this filter takes one value, not a list or a record")
    return value


@pass_context
def _day(context: Context, value: Any) -> str:
    return words.say_day(_scalar(value), state_of(context).zone, state_of(context).language)


@pass_context
def _date(context: Context, value: Any) -> str:
    return words.say_date(_scalar(value), state_of(context).zone, state_of(context).language)


@pass_context
def _clock(context: Context, value: Any) -> str:
    return words.say_clock(_scalar(value), state_of(context).zone)


@pass_context
def _money(context: Context, value: Any, currency: str | None = None) -> str:
    return words.say_money(_scalar(value), currency or state_of(context).currency, state_of(context).language)


@pass_context
def _days(context: Context, value: Any) -> str:
    return words.say_days(_scalar(value), state_of(context).language)


@pass_context
def _join(context: Context, value: Any, between: str = ", ", attribute: str | None = None) -> str:
    """The items' texts (or their field's) with ``between``; empty ones are left out."""
    state = state_of(context)
    items = _bounded(context, value)
    if attribute is not None:
        items = [_field(item, attribute) for item in items]
    said = [words.say_plainly(_scalar(item), state.zone, state.language) for item in items]
    text = str(_scalar(between)).join(one for one in said if one)
    if len(text) > MAX_OUTPUT:
        raise ValueError(f"the text grows beyond {MAX_OUTPUT} characters")
    return text


@pass_context
def _bounded(context: Context, value: Any, weight: int = 1) -> Sequence[Any]:
    """What a loop may run over: a list, within the work that the rendering has left. ``weight``: of one turn."""
    must_be_defined(value)
    if value is None:
        return ()
    if not isinstance(value, (tuple, list)):
        raise ValueError("a loop runs over a list only")
    state = state_of(context)
    state.work += len(value) * weight
    if state.work > MAX_WORK:
        raise ValueError("the loops have too much to do")
    return value


def _field(item: Any, name: str) -> Any:
    if isinstance(item, MappingProxyType) and name in item:
        return item[name]
    raise ValueError(f"the items have no `{str(name)[:40]}`")


def _default(value: Any, instead: Any = "", empty_too: bool = True) -> Any:
    """``instead`` for what is missing, None or, unless told otherwise, empty."""
    if isinstance(value, Undefined) or value is None or (empty_too and value == ""):
        return instead
    return value


def _text(change: Callable[[str], str]) -> Callable[[Any], str]:
    def changed(value: Any) -> str:
        value = _scalar(value)
        return "" if value is None else change(str(value))

    return changed


def _round(value: Any, places: int = 0) -> float | int | None:
    value = _scalar(value)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= places <= 6:
        raise ValueError("`round` takes a number, and up to 6 places")
    return round(value, places) if places else round(value)


def _truncate(value: Any, length: int = 160) -> str:
    text = "" if _scalar(value) is None else str(value)
    if len(text) <= length:
        return text
    return text[: max(length - 1, 0)].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"


def _replace(value: Any, old: str, new: str) -> str:
    text, old, new = str(_default(_scalar(value))), str(_scalar(old)), str(_scalar(new))
    if not old:
        raise ValueError("`replace` needs to know what to replace")
    if len(text) + text.count(old) * len(new) > MAX_OUTPUT:
        raise ValueError(f"the text grows beyond {MAX_OUTPUT} characters")
    return text.replace(old, new)


def _length(value: Any) -> int:
    must_be_defined(value)
    return len(value) if isinstance(value, (str, tuple, list, Mapping)) else 0


def _first(value: Any) -> Any:
    return _end(value, 0)


def _last(value: Any) -> Any:
    return _end(value, -1)


def _end(value: Any, index: int) -> Any:
    must_be_defined(value)
    return value[index] if isinstance(value, (str, tuple, list)) and value else None


FILTERS: Mapping[str, Callable[..., Any]] = {
    "day": _day, "date": _date, "clock": _clock, "money": _money, "days": _days,
    "default": _default, "join": _join, "length": _length, "count": _length, "first": _first, "last": _last,
    "lower": _text(str.lower), "upper": _text(str.upper), "capitalize": _text(str.capitalize),
    "title": _text(str.title), "trim": _text(str.strip), "round": _round, "truncate": _truncate,
    "replace": _replace, "bounded": _bounded,
}  # fmt: skip
"""Every filter there is. ``bounded`` is put around each loop's list and cannot be written."""
TESTS: Mapping[str, Callable[..., bool]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "none": lambda value: value is None,
    "even": lambda value: isinstance(value, int) and value % 2 == 0,
    "odd": lambda value: isinstance(value, int) and value % 2 == 1,
}
