"""What a playbook's keys must say about each other, about other playbooks and about templates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from outreach.domain.facts import Purpose, Severity
from outreach.domain.playbook import Review, Scope
from outreach.domain.vocabulary import Vocabulary
from outreach.library import templates as template_checks
from outreach.library.checked import Checked
from outreach.library.kinds import Reading, did_you_mean
from outreach.library.playbook_keys import KNOWN_WHOM, WRITTEN
from outreach.library.reach import REACH_CHECKS
from outreach.library.sense import SENSE_CHECKS
from outreach.library.tree import Listing, Node, Table
from outreach.library.vocabulary import fields_of

HUMAN_ONLY = (Purpose.SERVICE_RECOVERY, Purpose.CALLBACK)


def cross_check(
    tree: Table,
    values: Mapping[str, Any],
    file_name: str,
    names: Collection[str],
    vocabulary: Vocabulary,
    templates: Mapping[str, str],
    reading: Reading,
) -> None:
    """Note every fault that no single key shows. ``names``: every playbook of the set."""
    checked = Checked(tree, values, file_name, names, vocabulary, templates, reading)
    for check in _CHECKS:
        check(checked)


def _name(one: Checked) -> None:
    name = one.values["playbook"]
    if name and one.file_name and name != one.file_name:
        remedy = f"name the file {name}.yaml, or the playbook {one.file_name}"
        one.reading.note(
            one.own("playbook"), f"the playbook `{name}` is in the file {one.file_name}.yaml", remedy
        )


def _severity(one: Checked) -> None:
    if one.purpose is Purpose.SERVICE_RECOVERY and one.tree.get("severity") is None:
        one.reading.note(
            one.own("purpose"),
            "service_recovery needs a severity",
            "add `severity: medium`, or low, high, severe",
        )


def _branch(one: Checked) -> None:
    still_open, branch = one.values["still_open"], one.values["if_resolved"]
    if branch and not still_open:
        one.reading.note(
            one.own("if_resolved"),
            "if_resolved is never used without still_open",
            "add `still_open`",
            warning=True,
        )
    serious = one.purpose is Purpose.SERVICE_RECOVERY and one.severity >= Severity.HIGH
    if serious and still_open and not branch:
        what = f"with severity {one.severity.word} the run would end without a word once still_open is false"
        one.reading.note(
            one.own("still_open"), what, "add `if_resolved: {brief: …}`: the call softens, it is not dropped"
        )


def _hold(one: Checked) -> None:
    hold = one.values["hold"]
    wide = hold and one.values["severity"] and hold["scope"] in (Scope.ACCOUNT, Scope.GROUP)
    if wide and one.severity < Severity.HIGH:
        written, table = one.own("hold"), one.tree.get("hold")
        scope = table.get("scope") if isinstance(table, Table) else None
        node = scope if scope is not None and scope.file == one.tree.file else written
        node = one.own("severity") if node is one.tree else node
        what = f"a hold on the whole {hold['scope']} needs severity high, this is {one.severity.word}"
        one.reading.note(node, what, "write `hold: {scope: person}`, or site")


def _holdout(one: Checked) -> None:
    if one.values["holdout"] and one.purpose in HUMAN_ONLY:
        what = f"nobody is left out of {one.purpose.value} for a comparison"
        one.reading.note(one.own("holdout"), what, "remove `holdout`")


def _supersedes(one: Checked) -> None:
    node = one.tree.get("supersedes")
    places = node.items if isinstance(node, Listing) else (node,)
    for name, place in zip(one.values["supersedes"] or (), places, strict=False):
        where = place or one.tree
        if name == one.values["playbook"]:
            one.reading.note(where, "a playbook cannot supersede itself", "use `if_running: restart`")
        elif name not in one.names:
            one.reading.note(where, f"there is no playbook `{name}`", did_you_mean(name, one.names))


def _whom(one: Checked) -> None:
    for node, kind, values in one.steps():
        for word in (values.get(kind) or ()) if kind in ("call", *WRITTEN) else ():
            if word not in KNOWN_WHOM:
                remedy = did_you_mean(word, KNOWN_WHOM)
                what = f"`{word}` is no role we know; nobody is found unless a person has that role"
                one.reading.note(node.get(kind) or node, what, remedy if "?" in remedy else "", warning=True)


def _review(one: Checked) -> None:
    for node, kind, values in one.steps():
        unread = kind in WRITTEN and values["review"] is Review.NONE
        if unread and one.purpose in (Purpose.SERVICE_RECOVERY, Purpose.WINBACK):
            what = "this leaves in a person's name without that person having read it"
            one.reading.note(node.get("review") or node, what, "write `review: owner`", warning=True)


def _settling(one: Checked) -> None:
    """A step waits until the one before it settled; one without an end would keep it waiting for ever."""
    before: tuple[str, Mapping[str, Any]] | None = None
    for node, kind, values in one.steps():
        if before and values["after"] is None and _may_never_settle(*before):
            what = f"this step may never come: the {before[0]} before it has no end"
            one.reading.note(node, what, "give that step a `within`, or this one an `after`")
        before = (kind, values)


def _may_never_settle(kind: str, values: Mapping[str, Any]) -> bool:
    waits_for_a_human = kind == "task" or (kind in WRITTEN and values["review"] is Review.OWNER)
    return waits_for_a_human and values["within"] is None


def _only_waits(one: Checked) -> None:
    """A wait ends by itself and changes nothing."""
    steps = list(one.steps())
    if steps and all(kind == "wait" for _, kind, _ in steps):
        one.reading.note(
            one.own("steps"),
            "this playbook only waits",
            "add a call, an email, an sms or a task",
            warning=True,
        )


def _templates(one: Checked) -> None:
    mails = [kind for _, kind, _ in one.steps() if kind in WRITTEN]
    for node, kind, values in one.steps():
        _file(one, node.get("brief"), values.get("brief"), "brief")
        _file(one, node.get("template"), values.get("template"), "mail" if kind == "email" else "sms")
    branch, node_of = one.values["if_resolved"] or {}, one.tree.get("if_resolved")
    if isinstance(node_of, Table):
        _file(one, node_of.get("brief"), branch.get("brief"), "brief")
        _file(one, node_of.get("template"), branch.get("template"), "mail" if "email" in mails else "sms")


def _file(one: Checked, node: Node | None, name: str | None, kind: str) -> None:
    if not name or node is None:
        return
    if name not in one.templates:
        one.reading.note(
            node, f"there is no file templates/{name}", did_you_mean(name, one.templates, "write it")
        )
        return
    when = one.values["when"] or ()
    use = template_checks.Use(kind, one.purpose or Purpose.MARKETING, fields_of(one.vocabulary, when), when)
    one.reading.faults += template_checks.check(name, use, one.templates)


_CHECKS: tuple[Callable[[Checked], None], ...] = (
    _name, _severity, _branch, _hold, _holdout, _supersedes, _whom, _review, _settling, _only_waits, _templates,
    *SENSE_CHECKS, *REACH_CHECKS,
)  # fmt: skip
