"""What is not as told, said so that it can be compared and taken over: as a story would expect it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from io import StringIO
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, ScalarString

from outreach.lab.story_reader import Said
from outreach.library.yaml_reader import resolve

Expected = Mapping[str, Any] | str
"""One expectation, as it is written: a mapping, or ``nothing``."""


class Amiss(NamedTuple):
    """One thing that an expectation has wrong, in words. ``right``: its keys with what they should say, None for
    a key that should go. ``instead``: what there is in place of the whole expectation."""

    words: str
    right: Mapping[str, Any] = {}
    instead: tuple[Expected, ...] | None = None


@dataclass(frozen=True, slots=True)
class Wrong:
    """One place of a story that is not as told. ``said``: the expectation; None where it is something done.
    ``replaced``: what there is stands in place of it, and is not what it should say of the same thing."""

    place: str
    words: str
    said: Said | None = None
    there_is: tuple[Expected, ...] = ()
    replaced: bool = False

    @property
    def diff(self) -> list[str]:
        """What was expected and what there is, line by line."""
        if self.said is None:
            return []
        return [f"- {flow(self.said.written)}", *(f"+ {flow(one)}" for one in self.there_is)]

    def __str__(self) -> str:
        return "\n".join([f"{self.place}: {self.words}", *(f"  {line}" for line in self.diff)])


def wrong_of(said: Said, at: str, found: list[Amiss]) -> Wrong:
    words = "; ".join(one.words for one in found)
    instead = next((one.instead for one in found if one.instead is not None), None)
    there_is = (_righted(said.written, found),) if instead is None else instead
    return Wrong(said.place, f"at {at}: {words}", said, there_is, replaced=instead is not None)


def _righted(written: Mapping[str, Any], found: list[Amiss]) -> Mapping[str, Any]:
    righted = dict(written)
    for one in found:
        for key, value in one.right.items():
            within = isinstance(value, Mapping) and isinstance(righted.get(key), Mapping)
            righted[key] = {**righted[key], **value} if within else value
    return {key: value for key, value in righted.items() if value is not None}


def each_once(wrong: Sequence[Wrong], told: Iterable[Said], desk: tuple[Expected, ...]) -> list[Wrong]:
    """What there is is said once at a moment. A moment that would have nothing left to say tells the desk."""
    unlike = {one.place for one in wrong if one.said is not None}
    known = [said.written for said in told if said.place not in unlike]
    found = []
    for one in wrong:
        news = one.there_is if not one.replaced else tuple(_not_in(one.there_is, known))
        known += news
        found.append(replace(one, there_is=news))
    if not unlike or known:
        return found
    first = next(one for one in found if one.said is not None)
    return [replace(one, there_is=desk) if one is first else one for one in found]


def _not_in(there_is: Iterable[Expected], known: list[Expected]) -> Iterator[Expected]:
    return (one for one in there_is if not any(_tells_of(other, one) for other in known))


def _tells_of(known: Expected, one: Expected) -> bool:
    """A call that is expected without its hour tells of the same call."""
    if isinstance(one, str) or isinstance(known, str):
        return one == known
    if next(iter(one)) != next(iter(known)):
        return False
    return all(one[key] == value for key, value in known.items() if key in one)


def nearest(text: str, expected: str) -> str | None:
    """The line of the text, or the part of it between two tags, that is most like what was expected."""
    lines = [line.strip() for line in re.split(r"<[^<>]*>|\n", text)]
    return max(
        filter(None, lines), key=lambda line: SequenceMatcher(None, line, expected).ratio(), default=None
    )


def flow(value: Any) -> str:
    """The value as YAML in one line."""
    yaml, out = YAML(), StringIO()
    yaml.width, yaml.default_flow_style, yaml.allow_unicode = 1 << 20, True, True
    yaml.dump({"it": _quoted(value)}, out)
    return out.getvalue().strip().removeprefix("{it: ").removesuffix("}")


def _quoted(value: Any) -> Any:
    """What would not be read as the same text without quotes has double ones, as our stories have."""
    if isinstance(value, ScalarString):
        return value
    if isinstance(value, Mapping):
        return {key: _quoted(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_quoted(one) for one in value]
    if isinstance(value, str):
        return str(value) if _is_plain(value) else DoubleQuotedScalarString(value)
    return value


def _is_plain(text: str) -> bool:
    marks = any(mark in text for mark in (": ", " #", ",", "[", "]", "{", "}"))
    return text[:1].isalpha() and text.isprintable() and not marks and resolve(text) == text
