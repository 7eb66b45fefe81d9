"""Law packs: one file per jurisdiction, every line with its source, its date and when to look again.

law: us
title: United States
country: US                         # or a list of them, or: any (the strict default for everywhere else)
regions: {CT: Connecticut}          # the regions that lines speak of
lines:
  - hours: {mon-sat: 09:00-20:00}   # or holidays, attempts, relationship, consent, registry
    for: solicitation               # solicitation · service · callback; absent: all
    by: [call, sms]                 # absent: all channels
    to: private                     # private · business; absent: both
    in: [CT]                        # absent: the whole country
    source: where this can be read
    effective: 2025-11-01
    basis: secondary                # official · secondary · memory · house
    review_by: 2027-05-31
examples:                           # what must come out; checked whenever the pack is read
  - {at: 2026-11-29 12:00, in: CT, by: call, for: solicitation, may: false}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outreach.domain.errors import Invalid
from outreach.domain.lawline import Line
from outreach.domain.lawreader import ANYWHERE as ANYWHERE
from outreach.domain.lawreader import Example as Example
from outreach.domain.lawreader import Position as Position
from outreach.domain.lawreader import Reader


@dataclass(frozen=True, slots=True, eq=False)
class LawPack:
    """One jurisdiction's lines. ``countries`` are ISO codes, or only ``any`` for the strict default."""

    name: str
    title: str
    countries: tuple[str, ...]
    regions: Mapping[str, str]
    lines: tuple[Line, ...]
    examples: tuple[Example, ...] = ()

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any], file: str, position: Position) -> LawPack:
        """Read a pack from plain values. ``position`` maps a path of keys and indexes to line and column
        (from 1). Raises Invalid with all faults."""
        reader = Reader(file, position)
        parts = reader.pack(tree)
        if reader.faults or parts is None:
            raise Invalid(reader.faults)
        return cls(*parts)
