"""Words that make an apology an advertisement.

Any promotional content makes a service message marketing (UK: dpnetwork.org.uk, dataprivacy.lewissilkin.com; US:
16 CFR 316.3, where the subject or the beginning decides). A make-good for the affected order is none; a voucher
for the next purchase is. Generous on purpose: a false alarm costs a rewording.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_WORDS = re.compile(
    r"\b(?:special |exclusive )?offers?\b|\bdiscount(?:s|ed)?\b|\bvouchers?\b|\bcoupons?\b|\bpromo(?:tion|tions| code)?\b"
    r"|\bupgrade to\b|\bupsell|\b\d+\s?% off\b|\bbuy now\b|\bshop now\b|\bon sale\b|\bnew arrivals?\b"
    r"|\bRabatt\w*|\bGutschein\w*|\bSonderangebot\w*|\bAngebote?\b|\bjetzt (?:kaufen|bestellen)\b"
    r"|\bremises? (?:de|sur)\b|\bbons? d[’']achat\b|\bcodes? promo\b|\boffres? (?:spéciale|exclusive)s?\b|\bsoldes\b"
    r"|\bdescuentos?\b|\bcupón(?:es)?\b|\bofertas?\b|\brebajas\b|\bvales? de compra\b"
    r"|https?://\S*(?:shop|store|sale|offer|promo|utm_)\S*",
    re.IGNORECASE,
)


class Selling(NamedTuple):
    words: str
    start: int

    def line_in(self, text: str) -> int:
        """From 1."""
        return text.count("\n", 0, self.start) + 1


def selling(text: str) -> Iterator[Selling]:
    """Each stretch that sells, in order."""
    return (Selling(match[0], match.start()) for match in _WORDS.finditer(text))
