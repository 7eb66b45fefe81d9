"""Checks message templates and call briefs: syntax, names, subject line, and that an apology sells nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from outreach.domain.errors import Fault
from outreach.domain.facts import Purpose
from outreach.domain.message import CONTEXT_NAMES, RenderFault, compile_template, names_used
from outreach.domain.message_tree import variant_of
from outreach.domain.selling import selling
from outreach.library.kinds import did_you_mean

ONLY_BRIEFS = ("others", "late_apology", "may_leave_message", "may_offer")
"""What is for the caller's eyes only."""

_INCLUDE = re.compile(r"""\{%[-+]?\s*include\s+["']([^"']+)["']""")


@dataclass(frozen=True, slots=True)
class Use:
    """One file as one playbook uses it. ``kind``: brief, mail or sms."""

    kind: str
    purpose: Purpose
    event_fields: frozenset[str]
    event_types: tuple[str, ...] = ()


def variants(name: str, files: Collection[str]) -> list[str]:
    """The file itself and its language variants beside it: sorry.md, sorry.de.md."""
    path = PurePosixPath(name)
    found = [name] if name in files else []
    for file in files:
        language = variant_of(file)
        if language and file == str(path.with_suffix(f".{language}{path.suffix}")):
            found.append(file)
    return sorted(found)


def closure(name: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Every text that rendering the file may need: variants, and what they include."""
    needed: dict[str, str] = {}
    waiting = variants(name, texts)
    while waiting:
        file = waiting.pop()
        if file not in needed:
            needed[file] = texts[file]
            waiting += [one for include in _INCLUDE.findall(texts[file]) for one in variants(include, texts)]
    return needed


def check(name: str, use: Use, texts: Mapping[str, str]) -> list[Fault]:
    """Every fault of a file, of its language variants and of what they include, in one use of it."""
    whole = closure(name, texts)
    own = variants(name, whole)
    faults = [fault for file in own for fault in _compiled(file, whole)]
    for file, text in whole.items():
        faults += _names(f"templates/{file}", text, use)
        if use.kind == "mail" and file in own:
            faults += _subject(f"templates/{file}", text)
        if use.kind != "brief" and use.purpose is Purpose.SERVICE_RECOVERY:
            faults += _selling(f"templates/{file}", text)
    return faults


def _compiled(file: str, texts: Mapping[str, str]) -> Iterator[Fault]:
    try:
        compile_template(file, texts[file], tuple(sorted(texts.items())))
    except RenderFault as fault:
        yield Fault(
            f"templates/{fault.path}", fault.line, 1 if fault.line else 0, fault.what, "mend the template"
        )


def _names(file: str, text: str, use: Use) -> Iterator[Fault]:
    for dotted in _used(text):
        name, _, attribute = dotted.partition(".")
        if name not in CONTEXT_NAMES:
            yield _unknown(file, text, name, f"messages know no `{name}`", did_you_mean(name, CONTEXT_NAMES))
        elif name in ONLY_BRIEFS and use.kind != "brief":
            yield _unknown(
                file, text, name, f"`{name}` is for the caller's eyes only", "take it out of the message"
            )
        elif name == "event" and attribute and use.event_types:
            known = (*use.event_fields, *CONTEXT_NAMES["event"])
            if attribute.partition(".")[0] not in known:
                what = f"no event of this playbook ({', '.join(use.event_types)}) has a field `{attribute}`"
                yield _unknown(file, text, dotted, what, did_you_mean(attribute, known))
        elif name != "event" and attribute and attribute.partition(".")[0] not in CONTEXT_NAMES[name]:
            what = f"`{name}` has no `{attribute}`"
            yield _unknown(file, text, dotted, what, did_you_mean(attribute, CONTEXT_NAMES[name]))


@lru_cache(maxsize=1024)
def _used(text: str) -> tuple[str, ...]:
    try:
        return tuple(sorted(names_used(text)))
    except RenderFault:
        return ()  # told by _compiled


def _unknown(file: str, text: str, dotted: str, what: str, remedy: str) -> Fault:
    """At the first place where the text says the name, or, of a loop variable, its attribute."""
    words = (rf"(?<![\w.]){re.escape(dotted)}\b", rf"\.{re.escape(dotted.rpartition('.')[2])}\b")
    found = next((one for word in words if (one := re.search(word, text))), None)
    if found is None:
        return Fault(file, 1, 1, what, remedy)
    line = text.count("\n", 0, found.start()) + 1
    return Fault(file, line, found.start() - text.rfind("\n", 0, found.start()), what, remedy)


def _subject(file: str, text: str) -> Iterator[Fault]:
    first, _, rest = text.partition("\n")
    if not first.startswith("Subject:"):
        yield Fault(file, 1, 1, "a mail begins with its subject", "make the first line `Subject: …`")
    elif not first.removeprefix("Subject:").strip():
        yield Fault(file, 1, 9, "the subject is empty", "write it after `Subject:`")
    elif rest.split("\n", 1)[0].strip():
        yield Fault(file, 2, 1, "the line after the subject is not empty", "put an empty line there")


def _selling(file: str, text: str) -> Iterator[Fault]:
    """An apology about one failure that also sells is judged as marketing by the law and by people."""
    bare = re.sub(
        r"\{#.*?#\}|\{%.*?%\}", lambda found: re.sub(r"[^\n]", " ", found.group()), text, flags=re.DOTALL
    )
    for number, line in enumerate(bare.split("\n"), 1):
        for found in selling(line):
            what = f"`{found.words}` sells, and this is a service_recovery message"
            remedy = "take it out; selling has its own playbooks"
            yield Fault(file, number, found.start + 1, what, remedy)
