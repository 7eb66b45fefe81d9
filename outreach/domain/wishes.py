"""What a customer's own words ask for: stop, start, help, to be left alone, or simply an answer.

The single words are the carriers' (Twilio's default keywords, CTIA's list), and what people type for them
in German, French and Spanish. Free words are matched generously: a refusal that was none costs a colleague
one look, one that was missed costs a customer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Asks(StrEnum):
    STOP = "stop"
    """A STOP word: nothing more on this channel to this endpoint."""
    START = "start"
    HELP = "help"
    REFUSAL = "refusal"
    """In free words: shut until a human has read what was meant."""
    ANSWER = "answer"
    """Anything else: somebody reads and answers it."""


class Wish(NamedTuple):
    asks: Asks
    scope: str = ""
    """Of a refusal: ``written``, or ``all`` where the words may include calls."""


STOP = frozenset(
    [
        "stop",
        "stopall",
        "unsubscribe",
        "cancel",
        "end",
        "quit",
        "revoke",
        "optout",
        "stopp",
        "abmelden",
        "abbestellen",
        "arret",
        "arrêt",
        "arreter",
        "arrêter",
        "désabonner",
        "desabonner",
        "alto",
        "parar",
        "baja",
        "cancelar",
    ]
)
START = frozenset(["start", "unstop", "yes"])
HELP = frozenset(["help", "info", "hilfe", "aide", "ayuda"])
OPT_OUT_TYPES: Mapping[str, Asks] = {"STOP": Asks.STOP, "START": Asks.START, "HELP": Asks.HELP}
"""Twilio's word for what its Advanced Opt-Out took the message for, and has answered."""

_YES = "yes"
LONGEST = 20_000
"""Characters that are looked at; nobody refuses later than that."""


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_US = r"(?:me|us|mir|mich|uns)"
_REFUSES = _any(
    # English
    r"\bstop\b[^.!?\n]{0,30}\b(?:writing|texting|e-?mailing|mailing|messaging|contacting|calling|phoning|ringing|sending|bothering|spamming|harassing)\b",
    r"\bstop (?:these|the|all|this|your)\b[^.!?\n]{0,20}\b(?:e-?mails?|texts?|messages?|calls?|spam)\b",
    rf"\b(?:do not|don'?t|never|please no longer|no longer|not)\b[^.!?\n]{{0,20}}\b(?:write|text|e-?mail|mail|message|contact|call|phone|ring|bother|disturb)\b[^.!?\n]{{0,15}}\b{_US}\b",
    r"\bleave (?:me|us) (?:alone|in peace)\b",
    r"\bno more\b[^.!?\n]{0,20}\b(?:e-?mails?|texts?|messages?|calls?|sms|letters|contact)\b",
    r"\b(?:remove|delete|take) (?:me|us|my (?:number|address|e-?mail|name)|this number)\b[^.!?\n]{0,30}\b(?:list|off|from)\b",
    r"\bunsubscribe\b", r"\bopt(?:ing)?[ -]?(?:me )?out\b",
    r"\b(?:don'?t|do not) want\b[^.!?\n]{0,25}\b(?:e-?mails?|texts?|messages?|calls?|hear from you|contact)\b",
    r"\bwithdraw (?:my )?consent\b",
    # German
    r"\b(?:nicht|nie) (?:mehr|wieder)\b[^.!?\n]{0,25}\b(?:schreiben|kontaktieren|anschreiben|anrufen|melden|belästigen|stören)\b",
    r"\b(?:schreib\w*|ruf\w*|kontaktier\w*|belästig\w*|melde\w*|schick\w*|send\w*)\b[^.!?\n]{0,25}\b(?:nicht|nie|nichts) (?:mehr|wieder)\b",
    r"\bkeine?n? (?:weiteren? |mehr )?(?:e-?mails?|mails?|nachrichten|sms|anrufe?|werbung|kontakt\w*)\b(?: mehr)?",
    r"\b(?:lass\w*) (?:mich|uns|sie mich|sie uns)\b[^.!?\n]{0,10}\bruhe\b",
    r"\b(?:abmelden|abbestellen|austragen)\b", r"\bwiderruf\w*\b[^.!?\n]{0,30}\beinwilligung\b",
    # French
    r"\bne (?:m['’e]|nous) ?\s?(?:écrivez|ecrivez|contactez|appelez|envoyez|dérangez)\b[^.!?\n]{0,20}\bplus\b",
    r"\b(?:arr[êe]tez|cessez)\b[^.!?\n]{0,30}\b(?:écrire|ecrire|contacter|appeler|envoyer|messages?|mails?|appels?)\b",
    r"\bd[ée]sabonn\w+\b", r"\blaissez[- ](?:moi|nous) tranquilles?\b", r"\bplus de (?:messages?|mails?|sms|appels?)\b",
    # Spanish
    r"\bno (?:me|nos) (?:escrib\w+|contact\w+|llam\w+|env[ií]\w+|molest\w+)\b",
    r"\bdejen? de\b[^.!?\n]{0,20}\b(?:escribir\w*|contactar\w*|llamar\w*|enviar\w*|molestar\w*)\b",
    r"\bd[ae]rme de baja\b", r"\bd[ée]jen?(?:me|nos) en paz\b", r"\bno m[áa]s (?:mensajes?|correos?|llamadas?|sms)\b",
)  # fmt: skip
_MAY_MEAN_CALLS = _any(
    r"\bcall(?:s|ing)?\b", r"\bphon(?:e|ing)\b", r"\bring(?:ing)?\b", r"\bcontact\w*\b", r"\bleave (?:me|us)\b",
    r"\bbother\w*\b", r"\bdisturb\b", r"\bhear from you\b", r"\bharass\w*\b",
    r"\banruf\w*\b", r"\banzurufen\b", r"\bruf\w*\b", r"\bkontakt\w*\b", r"\bruhe\b", r"\bbelästig\w*\b", r"\bstören\b",
    r"\bmelde\w*\b",
    r"\bappel\w*\b", r"\bcontact\w*\b", r"\btranquilles?\b", r"\bdérangez\b",
    r"\bllam\w*\b", r"\ben paz\b", r"\bmolest\w*\b",
)  # fmt: skip


def wish_of(text: str, opt_out_type: str = "", *, is_shut: bool = False) -> Wish:
    """``opt_out_type``: the carrier's own reading. ``is_shut``: whether the sender had stopped this channel;
    a plain *yes* starts it again only then, else it is an answer to something."""
    if opt_out_type.upper() in OPT_OUT_TYPES:
        return Wish(OPT_OUT_TYPES[opt_out_type.upper()])
    word = _bare(text)
    if word in STOP:
        return Wish(Asks.STOP)
    if word in START and (word != _YES or is_shut):
        return Wish(Asks.START)
    if word in HELP:
        return Wish(Asks.HELP)
    looked_at = text[:LONGEST]
    if _REFUSES.search(looked_at):
        return Wish(Asks.REFUSAL, "all" if _MAY_MEAN_CALLS.search(looked_at) else "written")
    return Wish(Asks.ANSWER)


def _bare(text: str) -> str:
    """The one word that the text is, if it is one; *stop all* and *opt-out* are, too."""
    return re.sub(r"[\s\-_.,!?\"'“”„]+", "", text.strip().lower()) if len(text) < 40 else ""


_HELPS: Mapping[str, str] = {
    "en": "{company}: we write about your orders and requests. Questions? Ring us: {phone}. Reply STOP to get no more texts.",
    "de": "{company}: Wir schreiben zu Ihren Bestellungen und Anfragen. Fragen? Rufen Sie an: {phone}. Mit STOP erhalten Sie keine SMS mehr.",
    "fr": "{company} : nous écrivons au sujet de vos commandes. Des questions ? Appelez-nous : {phone}. Répondez STOP pour ne plus recevoir de SMS.",
    "es": "{company}: escribimos sobre sus pedidos y consultas. ¿Preguntas? Llámenos: {phone}. Responda STOP para no recibir más SMS.",
}  # fmt: skip
_STOPPED: Mapping[str, str] = {
    "en": "{company}: you will get no more texts from us. Reply START to change that.",
    "de": "{company}: Sie erhalten keine SMS mehr von uns. Mit START ändern Sie das.",
    "fr": "{company} : vous ne recevrez plus de SMS de notre part. Répondez START pour changer cela.",
    "es": "{company}: no recibirá más SMS nuestros. Responda START para cambiarlo.",
}
_STARTED: Mapping[str, str] = {
    "en": "{company}: you get our texts again. Reply STOP to end them.",
    "de": "{company}: Sie erhalten unsere SMS wieder. Mit STOP beenden Sie das.",
    "fr": "{company} : vous recevez à nouveau nos SMS. Répondez STOP pour arrêter.",
    "es": "{company}: vuelve a recibir nuestros SMS. Responda STOP para terminar.",
}
_ANSWERS = {Asks.HELP: _HELPS, Asks.STOP: _STOPPED, Asks.START: _STARTED}


def confirmation(asks: Asks, language: str, company: str, phone: str) -> str:
    """What is said at once, and once, to a STOP, START or HELP that the carrier has not answered."""
    by_language = _ANSWERS[asks]
    words = by_language.get(language.partition("-")[0].lower(), by_language["en"])
    return words.format(company=company, phone=phone)
