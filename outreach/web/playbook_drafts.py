"""A playbook is changed as a draft: written with its faults in place, tried out, and only then saved into the folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from difflib import unified_diff
from typing import Any

from flask import Blueprint, flash, g, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from outreach.domain.errors import Fault, Invalid, NotFound, OutreachError, Refused
from outreach.library.drafts import Draft, digest, is_story
from outreach.library.loader import Trees, assemble
from outreach.library.saving import Author, Saved, in_git, save, take_back
from outreach.library.yaml_reader import read_table
from outreach.service import publishing, saves
from outreach.web import auth
from outreach.web.highlight import coloured
from outreach.web.playbooks import drafts
from outreach.web.problems import tell
from outreach.web.publishing import percent_in_form
from outreach.web.reception import outside
from outreach.web.trying import check_draft, tryouts

playbook_drafts = Blueprint("playbook_drafts", __name__, url_prefix="/ops")

_trees = Trees()
"""Files parsed for whoever is writing: of each only what has changed is read again."""


@playbook_drafts.get("/playbooks/<name>/draft")
@auth.may("steer")
def edit(name: str) -> str:
    return _editor(name, request.args.get("file", ""))


def _editor(name: str, file: str, typed: str | None = None) -> str:
    """``typed``: what somebody wrote that could not be kept, so that it is not lost."""
    kept = drafts()
    draft = kept.of(name)
    files = _files(name, draft)
    file = file or files[0]
    if file not in files:
        raise NotFound(f"There is no file {file}.")
    text = kept.text(name, file)
    shown = (text or "") if typed is None else typed
    faults = _faults(draft, file, shown)
    return render_template(
        "playbook_draft.html", name=name, draft=draft, files=files, file=file, text=shown, seen=digest(text),
        faults=faults, code=coloured(file, shown, faults), changes=_changes(draft), overtaken=kept.overtaken(draft),
        is_new=kept.live(f"playbooks/{name}.yaml") is None, in_git=in_git(kept.root), used_by=_used_by(name),
        tryouts=tryouts().about(name),
    )  # fmt: skip


def _files(name: str, draft: Draft) -> list[str]:
    """The playbook, its stories, and the texts that it may use: those that are there, and those that are drafted."""
    playbook = outside().rules().playbooks.get(name)
    texts = {f"templates/{text}" for text in playbook.templates} if playbook else set()
    texts |= {file for file in draft.files if file.startswith("templates/")}
    if not playbook and not draft.files and drafts().live(f"playbooks/{name}.yaml") is None:
        raise NotFound(f"There is no playbook {name}.")
    return [
        f"playbooks/{name}.yaml",
        f"playbooks/stories/{name}.yaml",
        *sorted(texts, key=lambda text: ("/shared/" in text, text)),
    ]


def _used_by(name: str) -> dict[str, list[str]]:
    """Text → the other playbooks that use it, too."""
    found: dict[str, list[str]] = {}
    for other in outside().rules().playbooks.values():
        for text in other.templates:
            if other.name != name:
                found.setdefault(f"templates/{text}", []).append(other.name)
    return found


def _faults(draft: Draft, file: str, text: str) -> list[Fault]:
    """What is wrong in this file, as it is typed, and what it breaks in the others that the draft changes."""
    if is_story(file):
        return _unreadable(file, text)
    files = drafts().laid_over(draft) | {file: text.encode()}
    try:
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


def _changes(draft: Draft) -> list[tuple[str, str]]:
    """(file, unified diff to what is in the folder)"""
    kept = drafts()
    return [(file, _diff(kept.live(file) or "", text)) for file, text in sorted(draft.files.items())]


def _diff(before: str, after: str) -> str:
    lines = unified_diff(
        before.splitlines(), after.splitlines(), "in the folder", "in the draft", lineterm=""
    )
    return "\n".join(lines)


@playbook_drafts.post("/playbooks/<name>/draft/look")
@auth.may("steer")
def look(name: str) -> Response:
    """While somebody types: the text in colours, and what is wrong with it. Nothing is kept."""
    file, text = request.form.get("file", ""), request.form.get("text", "").replace("\r\n", "\n")
    draft = drafts().of(name)
    if file not in _files(name, draft):
        raise NotFound(f"There is no file {file}.")
    faults = _faults(draft, file, text)
    return jsonify(
        code=coloured(file, text, faults),
        faults=render_template("_draft_faults.html", faults=faults, file=file),
    )


@playbook_drafts.post("/playbooks/<name>/draft")
@auth.may("steer")
def write(name: str) -> Response | tuple[str, int]:
    form = request.form
    file, text = form.get("file", ""), form.get("text", "")
    try:
        drafts().write(name, file, text, form.get("seen", ""), auth.me().by, g.now)
    except OutreachError as fault:
        code = tell(fault)
        return _editor(name, file, text.replace("\r\n", "\n")), code
    flash("The draft is kept. Nobody acts on it yet.", "done")
    return redirect(_back(name, file))


@playbook_drafts.post("/playbooks/<name>/draft/text")
@auth.may("steer")
def add_text(name: str) -> Response:
    """A text that is not there yet, so that a step can name it."""
    file = f"templates/{name}/{request.form.get('text', '').strip().removesuffix('.md')}.md"

    def work() -> str:
        drafts().write(name, file, "", digest(None), auth.me().by, g.now)
        return f"{file} is empty so far: write it, and name it in a step."

    return _do(work, _back(name, file))


@playbook_drafts.post("/playbooks/<name>/draft/drop")
@auth.may("steer")
def drop(name: str) -> Response:
    file = request.form.get("file", "")
    is_new = drafts().live(f"playbooks/{name}.yaml") is None
    drafts().drop(name, file)
    flash("The draft is thrown away." if not file else f"{file} is as in the folder again.", "done")
    gone = is_new and not drafts().of(name).files
    return redirect(url_for("playbooks.overview") if gone else _back(name, ""))


@playbook_drafts.post("/playbooks/<name>/draft/rebase")
@auth.may("steer")
def rebase(name: str) -> Response:
    file = request.form.get("file", "")
    drafts().rebase(name, file)
    flash(f"Your {file} will stand in place of what is in the folder now.", "done")
    return redirect(_back(name, file))


@playbook_drafts.get("/new-playbook")
@auth.may("steer")
def new() -> str:
    return render_template("playbook_new.html", playbooks=outside().rules().playbooks, form={})


@playbook_drafts.post("/new-playbook")
@auth.may("steer")
def begin() -> Response | tuple[str, int]:
    form = request.form
    name, like = form.get("name", "").strip().lower().replace(" ", "-"), form.get("like", "")
    try:
        drafts().begin(_like(name, like))
    except OutreachError as fault:
        code = tell(fault)
        return render_template("playbook_new.html", playbooks=outside().rules().playbooks, form=form), code
    flash(f"{name} is a draft. Nobody acts on it.", "done")
    return redirect(_back(name, ""))


_ALONE = r"(?<![\w/-]){}(?![\w/-])"
"""A playbook's name for itself, and not within a longer one or a path."""


def _like(name: str, like: str) -> Draft:
    """A new playbook begins as a copy: with its own name and stories, and the other's texts."""
    text = drafts().live(f"playbooks/{like}.yaml") if like in outside().rules().playbooks else None
    if text is None:
        raise NotFound("Choose the playbook that it begins as.")
    stories = re.sub(_ALONE.format(like), name, drafts().live(f"playbooks/stories/{like}.yaml") or "")
    files = {f"playbooks/{name}.yaml": re.sub(rf"(?m)^playbook: {like}\b(?!-)", f"playbook: {name}", text)}
    files |= {f"playbooks/stories/{name}.yaml": stories} if stories else {}
    return Draft(name, files, dict.fromkeys(files, ""), auth.me().by, g.now.isoformat())


@playbook_drafts.post("/playbooks/<name>/draft/save")
@auth.may("steer")
def save_it(name: str) -> Response:
    """Into the folder, stories and all checked. A new playbook gets its publish state before its file is there."""
    reason = request.form.get("reason", "")

    def work() -> str:
        kept = drafts()
        draft = kept.of(name)
        wrong = [
            fault for fault in check_draft(draft) if not fault["warning"] and fault["file"] in draft.files
        ]
        if wrong:
            raise Invalid([_as_fault(fault) for fault in wrong])
        _say_state(name, reason, is_new=kept.live(f"playbooks/{name}.yaml") is None)
        return _told(name, reason, save(kept, draft, reason, _author()))

    return _do(work, url_for("playbooks.page", name=name), _back(name, ""))


def _as_fault(found: dict[str, Any]) -> Fault:
    return Fault(*(found[part] for part in ("file", "line", "column", "what", "remedy", "warning")))


def _say_state(name: str, reason: str, *, is_new: bool) -> None:
    state = request.form.get("state", "")
    if is_new and not state:
        raise Refused("Say in which state it starts.")
    if state:
        say = publishing.begin if is_new else publishing.publish
        say(outside(), name, state, auth.me().by, reason, percent_in_form())


@playbook_drafts.post("/playbooks/<name>/saved/<id_>/back")
@auth.may("steer")
def take_it_back(name: str, id_: str) -> Response:
    """One click: the files as they were before somebody saved them."""
    reason = request.form.get("reason", "")

    def work() -> str:
        past = saves.one(outside(), name, id_)
        return _told(name, reason, take_back(drafts(), name, past.before, past.after, reason, _author()))

    return _do(work, url_for("playbooks.page", name=name, _anchor="history"))


def _author() -> Author:
    me = auth.me()
    return Author(me.name, me.user.email)


def _told(name: str, reason: str, saved: Saved) -> str:
    saves.note(outside(), name, saved.before, saved.after, auth.me().by, reason.strip(), saved.commit)
    files = len(saved.after)
    return f"Saved {files} {'file' if files == 1 else 'files'}" + (
        f" as commit {saved.commit}." if saved.commit else "."
    )


def _do(work: Callable[[], str], to: str, else_to: str = "") -> Response:
    try:
        flash(work(), "done")
    except OutreachError as fault:
        tell(fault)
        return redirect(else_to or to)
    return redirect(to)


def _back(name: str, file: str) -> str:
    return url_for("playbook_drafts.edit", name=name, file=file or None)
