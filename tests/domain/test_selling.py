"""What makes an apology an advertisement, and what does not."""

from __future__ import annotations

import pytest

from outreach.domain.selling import selling


@pytest.mark.parametrize(
    "text",
    [
        "Take 20% off your next order", "A voucher for your next purchase", "our special offers", "Shop now",
        "Hier ist ein Gutscheincode", "unser Angebot für Sie", "Une remise de 10 €", "un code promo", "un descuento",
        "Look: https://hearth.example/shop/grills", "https://x.example/?utm_source=mail", "Upgrade to the large one",
    ],
)  # fmt: skip
def test_this_sells(text: str) -> None:
    assert list(selling(text))


@pytest.mark.parametrize(
    "text",
    [
        "I am sorry. Your grill is lost, and I send a new one on Friday.", "We refund the freight of this order.",
        "Es tut mir leid. Ich rufe Sie an.", "You may order the missing shelf again at our cost.", "",
        "Je vous rappelle avant midi.", "Su pedido llega el viernes.", "https://hearth.example/care/x7fq",
    ],
)  # fmt: skip
def test_this_does_not(text: str) -> None:
    assert list(selling(text)) == []


def test_the_place_is_named() -> None:
    (found,) = selling("Dear Anna,\n\nhere is a voucher.")
    assert (found.words, found.line_in("Dear Anna,\n\nhere is a voucher.")) == ("voucher", 3)
