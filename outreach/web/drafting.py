"""What a draft consists of, what is wrong in it, what it changes, and how one begins as a copy of another."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import replace
from difflib import unified_diff
from typing import Any

from flask import g

from outreach.domain.errors import Fault, Invalid, NotFound, OutreachError
from outreach.library.drafts import Draft, is_story
from outreach.library.loader import Trees, assemble
from outreach.library.yaml_reader import read_table
from outreach.web import auth
from outreach.web.playbooks import drafts, rules_now
from outreach.web.trying import check_draft

_trees, _reading = Trees(), threading.Lock()
"""Files parsed for whoever is writing: of each only what has changed is read again, by one at a time."""


def files_of(name: str, draft: Draft) -> list[str]:
    """The playbook, its stories, and the texts that it may use: those that are there, and those that are drafted."""
    playbook = rules_now().playbooks.get(name)
    texts = {f"templates/{text}" for text in playbook.templates} if playbook else set()
    texts |= {file for file in draft.files if file.startswith("templates/")}
    if not playbook and not draft.files and drafts().live(f"playbooks/{name}.yaml") is None:
        raise NotFound(f"There is no playbook {name}.")
    return [
        f"playbooks/{name}.yaml",
        f"playbooks/stories/{name}.yaml",
        *sorted(texts, key=lambda text: ("/shared/" in text, text)),
    ]


def users_of_texts(name: str) -> dict[str, list[str]]:
    """Text → the other playbooks that use it, too."""
    found: dict[str, list[str]] = {}
    for other in rules_now().playbooks.values():
        for text in other.templates:
            if other.name != name:
                found.setdefault(f"templates/{text}", []).append(other.name)
    return found


def faults_in(draft: Draft, file: str, text: str, *, ask: bool = False) -> list[Fault]:
    """What is wrong in this file, as it is typed, and what it breaks in the others that the draft changes. ``ask``: what a
    story says is asked of the command that knows, which takes seconds; without it only whether it is YAML."""
    if is_story(file):
        return _unreadable(file, text) or (_said_wrongly(draft, file, text) if ask else [])
    files = drafts().laid_over(draft) | {file: text.encode()}
    try:
        with _reading:
            faults: Iterable[Fault] = assemble(files, trees=_trees).faults
    except Invalid as invalid:
        faults = invalid.faults
    own = {file, f"playbooks/{draft.playbook}.yaml", *draft.files}
    return [fault for fault in faults if fault.file in own]


def _unreadable(file: str, text: str) -> list[Fault]:
    """Of a story only whether it is YAML: what it says is asked when it is told."""
    try:
        read_table(file, text) if text.strip() else None
    except Invalid as invalid:
        return list(invalid.faults)
    return []


def _said_wrongly(draft: Draft, file: str, text: str) -> list[Fault]:
    """Nothing where nobody can be asked just now: it is asked again when it is saved."""
    try:
        found = check_draft(replace(draft, files={**draft.files, file: text}))
    except OutreachError:
        return []
    return [as_fault(each) for each in found if each["file"] == file]


def as_fault(found: dict[str, Any]) -> Fault:
    """Of what ``outreach check --json`` tells."""
    return Fault(*(found[part] for part in ("file", "line", "column", "what", "remedy", "warning")))


def changes_of(draft: Draft) -> list[tuple[str, str]]:
    """(file, unified diff to what is in the folder)"""
    kept = drafts()
    return [(file, _diff(kept.live(file) or "", text)) for file, text in sorted(draft.files.items())]


def _diff(before: str, after: str) -> str:
    lines = unified_diff(
        before.splitlines(), after.splitlines(), "in the folder", "in the draft", lineterm=""
    )
    return "\n".join(lines)


_ALONE = r"(?<![\w/-]){}(?![\w/-])"
"""A playbook's name for itself, and not within a longer one or a path."""


def like_another(name: str, like: str) -> Draft:
    """A new playbook begins as a copy: with its own name, stories and texts. What several share stays shared."""
    kept, other = drafts(), rules_now().playbooks.get(like)
    text = kept.live(f"playbooks/{like}.yaml") if other else None
    if other is None or text is None:
        raise NotFound("Choose the playbook that it begins as.")
    files = {f"playbooks/{name}.yaml": _renamed(text, name, like)}
    if stories := kept.live(f"playbooks/stories/{like}.yaml"):
        files[f"playbooks/stories/{name}.yaml"] = _renamed(
            re.sub(_ALONE.format(like), name, stories), name, like
        )
    for file in other.templates:
        if file.startswith(f"{like}/"):
            copied = kept.live(f"templates/{file}") or ""
            files[f"templates/{name}/{file.partition('/')[2]}"] = _renamed(copied, name, like)
    me = auth.me().by
    return Draft(name, files, dict.fromkeys(files, ""), me, g.now.isoformat(), (me,))


def _renamed(text: str, name: str, like: str) -> str:
    """Its own name, and where its texts lie."""
    named = re.sub(rf"(?m)^playbook: {like}\b(?!-)", f"playbook: {name}", text)
    return re.sub(rf"(?<![\w/-]){like}/", f"{name}/", named)
