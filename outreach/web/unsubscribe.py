"""The link at the foot of a mail. Looking at it changes nothing, since mail scanners follow links; a POST
unsubscribes, with one click from the mail program (RFC 8058) or with the button on the page. No login, no
cookies, no redirect, and nothing personal in the address."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, render_template

from outreach.domain.errors import NotFound
from outreach.service import care
from outreach.web.reception import outside

unsubscribe = Blueprint("unsubscribe", __name__, url_prefix="/u")

WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Mails from {company}", "ask_all": "Shall we stop writing mails to you?",
        "ask_selling": "Shall we stop writing to you about offers and orders?",
        "all": "You will then get no mail from us any more, also not about your orders. We may still ring you.",
        "selling": "You will then hear from us only about what you have ordered or asked for.",
        "button": "Yes, stop", "done": "Done.", "done_all": "We write no more mails to you.",
        "done_selling": "We write to you only about what you have ordered or asked for.",
        "wrong": "This link does not work.", "wrong_more": "It may have been copied in part. Answer the mail and tell us; a person reads it.",
    },
    "de": {
        "title": "Mails von {company}", "ask_all": "Sollen wir Ihnen keine Mails mehr schreiben?",
        "ask_selling": "Sollen wir Ihnen nicht mehr zu Angeboten und Bestellungen schreiben?",
        "all": "Sie erhalten dann keine Mail mehr von uns, auch nicht zu Ihren Bestellungen. Anrufen dürfen wir Sie noch.",
        "selling": "Sie hören dann nur noch zu dem von uns, was Sie bestellt oder gefragt haben.",
        "button": "Ja, bitte aufhören", "done": "Erledigt.", "done_all": "Wir schreiben Ihnen keine Mails mehr.",
        "done_selling": "Wir schreiben Ihnen nur noch zu dem, was Sie bestellt oder gefragt haben.",
        "wrong": "Dieser Link funktioniert nicht.", "wrong_more": "Vielleicht wurde er nicht ganz kopiert. Antworten Sie auf die Mail; ein Mensch liest das.",
    },
    "fr": {
        "title": "Messages de {company}", "ask_all": "Devons-nous cesser de vous écrire ?",
        "ask_selling": "Devons-nous cesser de vous écrire au sujet d’offres et de commandes ?",
        "all": "Vous ne recevrez plus aucun message de notre part, même au sujet de vos commandes. Nous pourrons encore vous appeler.",
        "selling": "Vous n’aurez alors de nos nouvelles qu’au sujet de ce que vous avez commandé ou demandé.",
        "button": "Oui, arrêter", "done": "C’est fait.", "done_all": "Nous ne vous écrivons plus.",
        "done_selling": "Nous ne vous écrivons plus qu’au sujet de ce que vous avez commandé ou demandé.",
        "wrong": "Ce lien ne fonctionne pas.", "wrong_more": "Il a peut-être été copié en partie. Répondez au message ; une personne vous lira.",
    },
    "es": {
        "title": "Mensajes de {company}", "ask_all": "¿Dejamos de escribirle?",
        "ask_selling": "¿Dejamos de escribirle sobre ofertas y pedidos?",
        "all": "No recibirá más mensajes nuestros, tampoco sobre sus pedidos. Aún podremos llamarle.",
        "selling": "Solo sabrá de nosotros por lo que haya pedido o preguntado.",
        "button": "Sí, dejen de escribir", "done": "Hecho.", "done_all": "Ya no le escribimos.",
        "done_selling": "Solo le escribimos por lo que haya pedido o preguntado.",
        "wrong": "Este enlace no funciona.", "wrong_more": "Quizá se copió solo en parte. Responda al mensaje; lo lee una persona.",
    },
}  # fmt: skip


@unsubscribe.get("/<token>")
def ask(token: str) -> tuple[str, int]:
    try:
        return _page(care.unsubscribing(outside(), token)), 200
    except NotFound:
        return _page(None), 404


@unsubscribe.post("/<token>")
def stop(token: str) -> tuple[str, int]:
    try:
        return _page(care.unsubscribe(outside(), token)), 200
    except NotFound:
        return _page(None), 404


def _page(asked: care.Unsubscribing | None) -> str:
    company = outside().rules().company
    language = (asked.language if asked else company.language).partition("-")[0]
    words = WORDS.get(language, WORDS["en"])
    return render_template(
        "unsubscribe.html",
        asked=asked,
        words=words,
        language=language if language in WORDS else "en",
        name=company.name,
    )
