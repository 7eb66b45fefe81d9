"""Logging: one line per event, as text or JSON, and nothing personal in it.

Structured entries lose the keys that hold personal data; and whatever looks like an e-mail address or a phone
number is masked in every text that is left, tracebacks and other libraries' messages included.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO

import structlog
from structlog.typing import Processor

PERSONAL_KEYS = frozenset({
    "name", "to_name", "first_name", "greeting", "phone", "mobile", "email", "mail", "to", "address", "endpoint",
    "text", "words", "said", "body", "subject_line", "html", "note", "draft", "message_text", "password", "secret",
    "authorization", "cookie", "token_secret", "api_key",
})  # fmt: skip
"""Values under these keys never reach a log, at any depth."""
MASK = "…"
DEEPEST, LONGEST = 6, 8_000
"""Levels of a value that are walked, and characters of a text that are kept."""

_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_PHONES = (
    re.compile(r"(?<![\w.:/-])(?:\+|%2B|00)[1-9](?:[ ()./-]{0,2}[0-9]){6,14}(?![\w-])"),
    re.compile(r"(?<![\w.:/+-])\(?0[1-9][0-9]{1,4}\)?(?:[ /-]{1,3}[0-9]{2,}){1,4}(?![\w-])"),
    re.compile(r"(?<![\w.:/+-])0[1-9][0-9]{8,11}(?![\w.:-])"),
    re.compile(r"(?<![\w.:/+-])\(?[2-9][0-9]{2}\)?[ .-]{1,2}[0-9]{3}[ .-][0-9]{4}(?![\w-])"),
)
"""International, national with and without spaces, North American."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")


def set_up_logs(log_format: str = "text", log_level: str = "info", stream: TextIO | None = None) -> None:
    """Routes structlog and the standard library's logging to one stream (standard error)."""
    stream = stream or sys.stderr
    shared = _shared()
    last: Processor = structlog.processors.JSONRenderer() if log_format == "json" else _as_text
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, mask_personal, last],
        )
    )
    logger = logging.getLogger()
    logger.handlers[:] = [handler]
    logger.setLevel(log_level.upper())
    for chatty in ("apscheduler", "alembic", "authlib"):
        logging.getLogger(chatty).setLevel(max(logger.level, logging.WARNING))


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]


def mask_personal(logger: Any, method: str, entry: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """A structlog processor, the last before the renderer."""
    return {key: MASK if key.lower() in PERSONAL_KEYS else _masked(value) for key, value in entry.items()}


def mask_text(text: str) -> str:
    """Without e-mail addresses and phone numbers, and no longer than ``LONGEST``."""
    if len(text) > LONGEST:  # the end of a traceback says more than its beginning
        text = text[: LONGEST // 2] + MASK + text[-LONGEST // 2 :]
    text = _EMAIL.sub(MASK, text)
    for phone in _PHONES:
        text = phone.sub(MASK, text)
    return text


def _masked(value: Any, depth: int = 0) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping) and depth < DEEPEST:
        return {
            mask_text(str(key)): MASK if str(key).lower() in PERSONAL_KEYS else _masked(one, depth + 1)
            for key, one in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)) and depth < DEEPEST:
        return [_masked(one, depth + 1) for one in value]
    return mask_text(str(value))


def _as_text(logger: Any, method: str, entry: MutableMapping[str, Any]) -> str:
    """``2026-03-06T12:00:00Z info     touch.sent touch=t1 channel=sms``, a traceback below it."""
    rest = dict(entry)
    head = f"{rest.pop('timestamp', '')} {rest.pop('level', ''):<8} {_one_line(rest.pop('event', ''))}"
    rest.pop("logger", None)
    trace = rest.pop("exception", "") or rest.pop("stack", "")
    said = " ".join(f"{key}={_one_line(value)}" for key, value in rest.items())
    return f"{head} {said}".rstrip() + (f"\n{trace}" if trace else "")


def _one_line(value: Any) -> str:
    """A text from outside cannot write log lines of its own."""
    return _CONTROL.sub("\ufffd", str(value).replace("\n", "\\n").replace("\r", "\\r"))
