"""Reaches our own people by Apprise: Slack, Teams, Telegram, mail, and whatever else it knows.

An address is a secret: it is in no log, no fault and no receipt. On a page a colleague may name only services whose
server the address cannot choose; else anybody who signs in could have this machine speak to any other in its network.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import warnings
from collections.abc import Collection, Sequence
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from outreach.domain.errors import Refused
from outreach.service.ports_ways import Letter, Receipt

AT_ONCE = 32
"""Addresses that are called at the same time, each by a thread of its own: a dead service delays no other."""
HARMLESS = frozenset({"api-version", "sp", "sv", "sig", "key", "token"})
"""Options that services put into their own addresses. Others can name files and servers (``template``)."""
ONLY_AS_GIVEN = frozenset({"workflow", "workflows"})
"""In Apprise's own spelling these name a server; in the one that the service gives, it must be the service's."""
THEIRS = (".logic.azure.com", ".logic.azure.us", ".api.powerplatform.com", ".api.powerplatform.us")
"""Where such addresses lead, whatever Apprise would take for one."""
LONGEST = 2000
_NEVER_LEFT = re.compile(r"NewConnectionError|NameResolutionError|ConnectTimeoutError")
_ANSWERED = re.compile(r"\berror=([45]\d\d)\b")
_LOADING = threading.Lock()
Said = tuple[str, str]
"""Of one address: ``sent · refused · failed · unknown``, and why, without the address."""


class AppriseNotifier:
    """``services``: schemes that may be named from a page. ``timeout``: seconds for one letter, by all its ways."""

    def __init__(self, services: Collection[str], timeout: float) -> None:
        self._services, self._timeout = frozenset(services), timeout

    def shown(self, url: str, *, trusted: bool) -> str:
        plugin = _plugin(url) if len(url) <= LONGEST and not re.search(r"[\s\0]", url) else None
        if plugin is None:
            raise Refused(
                "That is no address that Apprise knows: write it like slack://… or tgram://…, whole and without spaces."
            )
        if not trusted:
            self._must_be_safe(url, plugin)
        plain = url if _options(url) <= HARMLESS else url.partition("?")[0]
        return f"{plugin.service_name} …{plain.rstrip('/')[-4:]}"

    def tell(self, letters: Sequence[Letter]) -> list[Receipt]:
        calls = [(place, letter, url) for place, letter in enumerate(letters) for url in letter.urls]
        said: list[list[Said]] = [[] for _ in letters]
        for first in range(0, len(calls), AT_ONCE):
            some = calls[first : first + AT_ONCE]
            for (place, _, _), one in zip(some, self._at_once([call[1:] for call in some]), strict=True):
                said[place].append(one)
        return [_summed_up(each) for each in said]

    def _at_once(self, calls: Sequence[tuple[Letter, str]]) -> list[Said]:
        """Whoever takes longer than the time-out is left to himself: what he does may have left."""
        said: list[Said] = [("unknown", "no answer in time; it may have arrived")] * len(calls)

        def call(place: int, letter: Letter, url: str) -> None:
            said[place] = _told(letter, url)

        _library()
        threads = [
            threading.Thread(target=call, args=(place, *each), daemon=True)
            for place, each in enumerate(calls)
        ]
        ends = time.monotonic() + self._timeout
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(ends - time.monotonic(), 0))
        return list(said)

    def _must_be_safe(self, url: str, plugin: Any) -> None:
        schemes = _schemes(plugin)
        if not schemes & self._services:
            known = ", ".join(sorted(self._services))
            raise Refused(
                f"{plugin.service_name} is not among the services that may be named here ({known}): ask whoever runs Outreach to set it in the terminal."
            )
        if schemes & ONLY_AS_GIVEN and not url.lower().startswith("https://"):
            raise Refused(f"Paste the address as {plugin.service_name} gives it: https://…")
        if schemes & ONLY_AS_GIVEN and not _is_theirs(url):
            raise Refused(
                f"This address does not lead to {plugin.service_name}. Ask whoever runs Outreach to set it."
            )
        if not _options(url) <= HARMLESS:
            raise Refused("Leave out the options after the question mark.")


def _is_theirs(url: str) -> bool:
    """Exactly one of the service's own hosts, at the usual port."""
    try:
        place = urlsplit(url)
        return place.port in (None, 443) and not place.username and (place.hostname or "").endswith(THEIRS)
    except ValueError:
        return False


def _options(url: str) -> set[str]:
    return {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}


def _told(letter: Letter, url: str) -> Said:
    library = _library()
    service = library.Apprise(asset=_asset())
    try:
        if not service.add(url):
            return "failed", "the address cannot be read any more"
        form = None if _takes_markdown(service[0]) else library.NotifyFormat.TEXT
        (answer,) = service.notify(letter.text, letter.title, body_format=form, log_level=logging.DEBUG)
        return _said(answer, targets=len(service[0]))
    except Exception as fault:  # whatever a service's code raises; its words may hold the address
        return "unknown", f"{type(fault).__name__}; it may have arrived"


def _takes_markdown(plugin: Any) -> bool:
    """What is called plain text would be escaped for it, addresses too; so it gets ours as it is."""
    first, *_ = plugin.notify_format if isinstance(plugin.notify_format, tuple) else (plugin.notify_format,)
    return bool(first == _library().NotifyFormat.MARKDOWN)


def _said(one: Any, targets: int) -> Said:
    """Of its log we look for known words only. One address may name several targets, and be cut off after the first."""
    if one:
        return "sent", ""
    log = "\n".join(entry.message for entry in one.logs())
    if targets == 1 and _NEVER_LEFT.search(log) and "Sent " not in log:
        return "refused", f"{one.name} could not be reached"
    if answered := _ANSWERED.search(log):
        return "failed", f"{one.name} answered {answered[1]}"
    return "unknown", f"{one.name} did not confirm it; it may have arrived"


def _summed_up(said: Sequence[Said]) -> Receipt:
    """By any way is told; what may have left by one is not tried again by another."""
    outcomes = {outcome for outcome, _ in said}
    best = next((each for each in ("sent", "unknown", "refused") if each in outcomes), "failed")
    return Receipt(best, reason="; ".join(dict.fromkeys(reason for _, reason in said if reason)))


def _plugin(url: str) -> Any:
    """None for an address that is none."""
    return _library().Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)


def _schemes(plugin: Any) -> set[str]:
    found: set[str] = set()
    for each in (plugin.protocol, plugin.secure_protocol):
        found |= {each} if isinstance(each, str) else set(each or ())
    return found


@cache
def _asset() -> Any:
    """No redirects, which lead to servers that nobody named; nothing kept on the disk; in the thread that asks, since
    its own are few and shared by all."""
    library = _library()
    return library.AppriseAsset(
        app_id="Outreach",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        storage_mode=library.PersistentStoreMode.MEMORY,
        async_mode=False,
        service_timeout=0,
    )


def _library() -> Any:
    """Half a second, and only needed where somebody is reached. What it logs holds addresses: it is for us alone."""
    with _LOADING, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it looks for what newer Pythons have dropped
        import apprise

        log = logging.getLogger("apprise")
        if log.propagate:
            log.propagate = False
            log.addHandler(logging.NullHandler())
            log.setLevel(logging.DEBUG)
            logging.getLogger("urllib3").setLevel(logging.INFO)  # below it, it logs whole addresses
            apprise.Apprise.instantiate("json://localhost")  # loads all services, once
    return apprise
