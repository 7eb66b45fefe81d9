"""A playbook is changed as a draft: written with its faults in place, tried out, and only then saved into the folder."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, flash, g, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from outreach.domain.errors import Invalid, NotFound, OutreachError, Refused
from outreach.library.drafts import Draft, digest
from outreach.library.saving import Author, Saved, in_git, mend, one_line, save, take_back
from outreach.service import publishing, saves
from outreach.service.finding import many
from outreach.web import auth
from outreach.web.drafting import as_fault, changes_of, faults_in, files_of, like_another, users_of_texts
from outreach.web.highlight import coloured
from outreach.web.playbooks import drafts, rules_now
from outreach.web.problems import done_or_told, tell
from outreach.web.publishing import percent_in_form
from outreach.web.reception import outside
from outreach.web.trying import check_draft, not_as_told, tryouts
from outreach.web.tryouts import TITLES

playbook_drafts = Blueprint("playbook_drafts", __name__, url_prefix="/ops")


@playbook_drafts.get("/playbooks/<name>/draft")
@auth.may("steer")
def edit(name: str) -> str:
    return _editor(name, request.args.get("file", ""))


def _editor(name: str, file: str, typed: str | None = None) -> str:
    """``typed``: what somebody wrote that could not be kept, so that it is not lost."""
    kept = drafts()
    draft = kept.of(name)
    files = files_of(name, draft)
    file = file or files[0]
    if file not in files:
        raise NotFound(f"There is no file {file}.")
    text = kept.text(name, file)
    shown = (text or "") if typed is None else typed
    faults = faults_in(draft, file, shown)
    return render_template(
        "playbook_draft.html", name=name, tried=TITLES, draft=draft, files=files, file=file, text=shown, seen=digest(text),
        faults=faults, code=coloured(file, shown, faults), changes=changes_of(draft),
        overtaken={moved: digest(kept.live(moved)) for moved in kept.overtaken(draft)},
        is_new=kept.live(f"playbooks/{name}.yaml") is None, in_git=in_git(kept.root), used_by=users_of_texts(name),
        tryouts=tryouts().about(name),
    )  # fmt: skip


@playbook_drafts.post("/playbooks/<name>/draft/look")
@auth.may("steer")
def look(name: str) -> Response:
    """While somebody types: the text in colours, and what is wrong with it. Nothing is kept."""
    file, text = request.form.get("file", ""), request.form.get("text", "").replace("\r\n", "\n")
    draft = drafts().of(name)
    if file not in files_of(name, draft):
        raise NotFound(f"There is no file {file}.")
    faults = faults_in(draft, file, text, ask=True)
    return jsonify(
        code=coloured(file, text, faults),
        faults=render_template("_draft_faults.html", faults=faults, file=file),
    )


@playbook_drafts.post("/playbooks/<name>/draft")
@auth.may("steer")
def write(name: str) -> Response | tuple[str, int]:
    form = request.form
    file, text = form.get("file", ""), form.get("text", "")
    if file not in files_of(name, drafts().of(name)):
        raise NotFound(f"There is no file {file}.")
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
        if drafts().text(name, file) is not None:
            raise Refused(f"There is a text {file} already.")
        drafts().write(name, file, "", digest(None), auth.me().by, g.now)
        return f"{file} is empty so far: write it, and name it in a step."

    return done_or_told(work, _back(name, file))


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
    file, seen = request.form.get("file", ""), request.form.get("seen", "")

    def work() -> str:
        drafts().rebase(name, file, seen)
        return f"Your {file} will stand in place of what is in the folder now."

    return done_or_told(work, _back(name, file))


@playbook_drafts.get("/new-playbook")
@auth.may("steer")
def new() -> str:
    return render_template("playbook_new.html", playbooks=rules_now().playbooks, form={})


@playbook_drafts.post("/new-playbook")
@auth.may("steer")
def begin() -> Response | tuple[str, int]:
    form = request.form
    name, like = form.get("name", "").strip().lower().replace(" ", "-"), form.get("like", "")
    try:
        drafts().begin(like_another(name, like))
    except OutreachError as fault:
        code = tell(fault)
        return render_template("playbook_new.html", playbooks=rules_now().playbooks, form=form), code
    flash(f"{name} is a draft. Nobody acts on it.", "done")
    return redirect(_back(name, ""))


@playbook_drafts.post("/playbooks/<name>/draft/save")
@auth.may("steer")
def save_it(name: str) -> Response:
    """Into the folder, stories and all checked. A new playbook gets its publish state before its file is there."""
    reason = request.form.get("reason", "")

    def work() -> str:
        kept = drafts()
        draft, line = kept.of(name), one_line(reason)
        mend(kept, outside())
        _must_be_fit(draft)
        if kept.live(f"playbooks/{name}.yaml") is None:
            _begin_in_its_state(name, line)
        return _told(save(kept, draft, reason, _author(), _book(name, line, draft.authors)))

    return done_or_told(work, url_for("playbooks.page", name=name), _back(name, ""))


def _must_be_fit(draft: Draft) -> None:
    """Seen by whoever saves it, without errors, and its stories as told. Raises Refused, and Invalid with the errors."""
    if not draft.files:
        raise Refused("There is nothing to save: the draft is as the folder is.")
    if request.form.get("seen", "") != draft.digest:
        raise Refused(
            "Somebody has gone on with the draft since you looked. See what would change, and save again."
        )
    wrong = [fault for fault in check_draft(draft) if not fault["warning"] and fault["file"] in draft.files]
    if wrong:
        raise Invalid([as_fault(fault) for fault in wrong])
    told = [] if request.form.get("anyway") else not_as_told(draft)
    if told:
        raise Refused(
            f"{many(len(told), 'story')} {'is' if len(told) == 1 else 'are'} not as told: {'; '.join(told[:3])}."
            " Mend what is expected, or save it all the same."
        )


def _begin_in_its_state(name: str, reason: str) -> None:
    state = request.form.get("state", "")
    if not state:
        raise Refused("Say in which state it starts.")
    publishing.begin(outside(), name, state, auth.me().by, reason, percent_in_form())


@playbook_drafts.post("/playbooks/<name>/saved/<id_>/back")
@auth.may("steer")
def take_it_back(name: str, id_: str) -> Response:
    """One click: the files as they were before somebody saved them."""
    reason = request.form.get("reason", "")

    def work() -> str:
        mend(drafts(), outside())
        past, book = saves.one(outside(), name, id_), _book(name, f"taken back: {one_line(reason)}")
        return "Taken back. " + _told(
            take_back(drafts(), name, past.before, past.after, reason, _author(), book)
        )

    return done_or_told(work, url_for("playbooks.page", name=name, _anchor="history"))


@playbook_drafts.post("/playbooks/<name>/saved/mend")
@auth.may("steer")
def mend_it(name: str) -> Response:
    """What became of saves that broke off."""

    def work() -> str:
        return " ".join(mend(drafts(), outside())) or "Every save is written down."

    return done_or_told(work, url_for("playbooks.page", name=name, _anchor="history"))


def _author() -> Author:
    me = auth.me()
    return Author(me.name, me.user.email)


def _book(name: str, reason: str, authors: Sequence[str] = ()) -> saves.Book:
    return saves.Book(outside(), name, auth.me().by, reason, authors)


def _told(saved: Saved) -> str:
    done = f" as commit {saved.commit}." if saved.commit else "."
    return f"Saved {many(len(saved.after), 'file')}{done}"


def _back(name: str, file: str) -> str:
    return url_for("playbook_drafts.edit", name=name, file=file or None)
