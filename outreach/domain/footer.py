"""The last lines of a mail: who we are, why they get it, and how to stop it; by purpose and language."""

from __future__ import annotations

import html
from collections.abc import Mapping

from outreach.domain.company import Company
from outreach.domain.facts import Purpose

_WHY: Mapping[str, Mapping[str, str]] = {
    "en": {
        "service": "This is about your order or your request with us. It is no advertising.",
        "selling": "You get this because you have bought from us or asked us to write.",
        "page": "What happened, what we promised, and how you like to be reached, is on your own page:",
        "stop": "If you do not want mails like this:",
    },
    "de": {
        "service": "Diese Nachricht betrifft Ihre Bestellung oder Ihre Anfrage bei uns. Sie ist keine Werbung.",
        "selling": "Sie erhalten diese Nachricht, weil Sie bei uns gekauft oder uns darum gebeten haben.",
        "page": "Was geschah, was wir zugesagt haben und wie wir Sie erreichen dürfen, steht auf Ihrer eigenen Seite:",
        "stop": "Wenn Sie solche Nachrichten nicht möchten:",
    },
    "fr": {
        "service": "Ce message concerne votre commande ou votre demande chez nous. Ce n’est pas de la publicité.",
        "selling": "Vous recevez ce message parce que vous avez acheté chez nous ou nous l’avez demandé.",
        "page": "Ce qui s’est passé, ce que nous avons promis et comment vous joindre se trouve sur votre page :",
        "stop": "Si vous ne souhaitez plus de tels messages :",
    },
    "es": {
        "service": "Este mensaje trata de su pedido o de su consulta con nosotros. No es publicidad.",
        "selling": "Recibe este mensaje porque nos ha comprado o nos lo ha pedido.",
        "page": "Qué pasó, qué prometimos y cómo prefiere que le contactemos está en su propia página:",
        "stop": "Si no desea recibir mensajes como este:",
    },
}


def footer(
    company: Company, purpose: Purpose, language: str, unsubscribe: str, page: str = ""
) -> tuple[str, ...]:
    """Its lines; none for what is transactional. ``unsubscribe`` and ``page`` are addresses, or empty."""
    if purpose is Purpose.TRANSACTIONAL:
        return ()
    words = _WHY.get(language.partition("-")[0].lower(), _WHY["en"])
    lines = [company.postal_address or company.name, words["selling" if purpose.sells else "service"]]
    if page:
        lines.append(f"{words['page']} {page}")
    if unsubscribe:
        lines.append(f"{words['stop']} {unsubscribe}")
    return tuple(lines)


def with_footer(text: str, markup: str, lines: tuple[str, ...]) -> tuple[str, str]:
    """(text, HTML document) with the lines below, small, behind the mark that mail programs know."""
    if not lines:
        return text, markup
    plain = f"{text.rstrip()}\n\n-- \n" + "\n".join(lines)
    small = "<br>\n".join(_linked(line) for line in lines)
    block = f'<p style="font-size: 12px; color: #666; margin-top: 24px">{small}</p>\n'
    head, mark, tail = markup.rpartition("</body>")
    return plain, f"{head}{block}{mark}{tail}" if mark else markup


def _linked(line: str) -> str:
    words, _, address = line.rpartition(" ")
    if not address.startswith("https://") and not address.startswith("http://"):
        return html.escape(line)
    return f'{html.escape(words)} <a href="{html.escape(address)}" style="color: #666">{html.escape(address)}</a>'
