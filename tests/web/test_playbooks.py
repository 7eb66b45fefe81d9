"""The playbooks' pages: how they stand, drafts with their faults in place, what is tried out, and saving."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from outreach.domain.errors import Refused
from outreach.library.drafts import Drafts, digest
from outreach.service import publishing, saves
from outreach.web.tryouts import Tryouts
from outreach.web.workshop import last_words
from tests.web.scenes import busy_day
from tests.web.test_desk import text_of
from tests.web.world import World, post, world

FILE = "playbooks/late-delivery.yaml"
DRAFT = "/ops/playbooks/late-delivery/draft"


@pytest.fixture
def own(tmp_path: Path, root: Path) -> Iterator[World]:
    """A house with a folder of playbooks of its own, under git."""
    for folder in ("playbooks", "templates"):
        shutil.copytree(root / folder, tmp_path / "rules" / folder)
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "all"],
    ):
        subprocess.run(["git", "-C", str(tmp_path / "rules"), *words], check=True)
    made = world(tmp_path, tmp_path / "rules")
    yield made
    made.close()


@pytest.fixture
def otto(own: World) -> FlaskClient:
    return own.signed_in("otto", "ops")


def live(here: World, file: str = FILE) -> str:
    return (here.house.settings.root / file).read_text()


def keep(client: FlaskClient, here: World, change: Any, file: str = FILE, name: str = "late-delivery") -> Any:
    """The draft's page, filled in and sent."""
    page = client.get(f"/ops/playbooks/{name}/draft?file={file}").text
    seen = re.search(r'name="seen" value="(\w*)"', page)
    assert seen
    text = change(live(here, file)) if callable(change) else change
    form = {"file": file, "text": text.replace("\n", "\r\n"), "seen": seen[1]}
    return post(client, f"/ops/playbooks/{name}/draft", form, follow_redirects=True)


def save(client: FlaskClient, name: str = "late-delivery", **form: str) -> Any:
    """The draft's page, saved as whoever looks at it would; stories that are not as told are no matter."""
    page = client.get(f"/ops/playbooks/{name}/draft").text
    seen = re.search(r'save" class="stack">.*?name="seen" value="(\w*)"', page, re.DOTALL)
    form = {"seen": seen[1] if seen else "", "anyway": "1", **form}
    return post(client, f"/ops/playbooks/{name}/draft/save", form, follow_redirects=True)


def later(text: str) -> str:
    return text.replace("days_late >= 2", "days_late >= 4")


# -- how they stand ------------------------------------------------------------------------------------


def test_each_playbook_stands_with_its_state_and_what_it_did(either: World) -> None:
    busy_day(either)
    client = either.signed_in("otto", "ops")
    seen = text_of(client.get("/ops/playbooks?order=busy"))
    assert (
        "late-delivery A delivery missed its promised date service recovery, high · 4 under way live" in seen
    )
    assert "4 runs, 0 contacts in 30 days" in seen
    one = text_of(client.get("/ops/playbooks/late-delivery"))
    assert "4 runs started in 30 days" in one and "Café Morgenrot since" in one
    assert "Its state was never changed: what is in the folder is live." in one
    assert client.get("/ops/playbooks/nothing").status_code == 404


def test_the_list_is_filtered_by_state(here: World) -> None:
    client = here.signed_in("otto", "ops")
    post(client, "/ops/playbooks/win-back", {"state": "shadow", "reason": "not sure yet"})
    shadow = text_of(client.get("/ops/playbooks?state=shadow"))
    assert "win-back" in shadow and "late-delivery" not in shadow
    assert "No playbook is paused." in text_of(client.get("/ops/playbooks?state=paused"))


def test_changing_a_state_wants_a_reason(here: World) -> None:
    client = here.signed_in("otto", "ops")
    refused = post(
        client, "/ops/playbooks/win-back", {"state": "paused", "reason": " "}, follow_redirects=True
    )
    assert "Say why" in refused.text
    done = post(
        client,
        "/ops/playbooks/win-back",
        {"state": "percent", "percent": 20, "reason": "slowly"},
        follow_redirects=True,
    )
    assert "win-back is now live for 20 % of accounts." in done.text and "you, today" in text_of(done).lower()


@pytest.mark.parametrize("percent", ["", "1O", "101", "-1"])
def test_a_slip_of_the_pen_contacts_nobody(here: World, percent: str) -> None:
    client, path = here.signed_in("otto", "ops"), "/ops/playbooks/win-back"
    form = {"state": "percent", "percent": percent, "reason": "slowly"}
    assert "Say for how many percent" in post(client, path, form, follow_redirects=True).text
    with here.house.database.view() as unit:
        assert unit.publish_states() == {}


def test_contacts_and_pointless_calls_are_counted(here: World) -> None:
    busy_day(here)
    jonas = here.signed_in()
    with here.house.database.view() as unit:
        ((card, touch),) = unit.bulk.rows(
            "select t.card, t.id from touch t join run r on r.id = t.run"
            " where r.playbook = 'late-delivery' and t.account = 'a2' and t.channel = 'call'"
        )
    post(jonas, f"/desk/cards/{card}/claim")
    post(jonas, f"/desk/cards/{card}/dial")
    post(jonas, f"/desk/cards/{card}/outcome", {"disposition": "reached", "note": "all well"})
    here.think_again()
    post(jonas, f"/desk/cards/{card}/pointless", {"touch": touch, "why": "solved"})
    here.pass_time(days=2)
    otto = here.signed_in("otto", "ops")
    seen = text_of(otto.get("/ops/playbooks/late-delivery"))
    assert "1 contact made, 1 of them a call" in seen
    assert "1 run of these reached somebody" in seen
    assert "100 % of the calls were pointless: it was solved already (1)" in seen
    here.pass_time(days=40)
    assert "0 contacts made" in text_of(here.signed_in("otto", "ops").get("/ops/playbooks/late-delivery"))


def test_shadow_is_compared_with_what_is_live(either: World) -> None:
    otto = either.signed_in("otto", "ops")
    post(otto, "/ops/playbooks/late-delivery", {"state": "shadow", "reason": "rewritten"})
    busy_day(either)
    seen = text_of(otto.get("/ops/playbooks/late-delivery"))
    assert "it would have started 4 runs for 4 accounts, with 4 calls and 0 messages" in seen
    assert "4 only this one would have looked after" in seen
    assert "0 runs started in 30 days, 4 more in shadow" in seen
    assert "In shadow" not in otto.get("/ops/playbooks/damaged-goods").text


def test_a_state_is_taken_back_and_told(here: World) -> None:
    client = here.signed_in("otto", "ops")
    path = "/ops/playbooks/win-back"
    post(client, path, {"state": "percent", "percent": 20, "reason": "slowly"})
    post(client, path, {"state": "live", "reason": "looks good"})
    page = text_of(post(client, f"{path}/back", {"reason": "too much"}, follow_redirects=True))
    assert "win-back is now live for 20 % of accounts." in page
    assert "You made it percent for 20 % today 10:30: too much it was live" in page
    assert "You made it live today 10:30: looks good it was percent for 20 %" in page
    nothing = post(client, "/ops/playbooks/thank-you/back", {"reason": "x"}, follow_redirects=True)
    assert "there is nothing to go back to" in nothing.text


def storm(own: World) -> None:
    """Three are let down where two may hear from us within the hour."""
    company = own.house.settings.root / "playbooks/company.yaml"
    company.write_text(company.read_text().replace("accounts: 200", "accounts: 2"))
    for number in (1, 2, 3):
        own.account(f"a{number}", f"Grill {number}", person=f"p{number}")
        own.late(f"a{number}", f"p{number}", f"o-{number}")
    own.tick()


def test_what_would_reach_too_many_waits_for_a_second_person(own: World, otto: FlaskClient) -> None:
    post(otto, "/ops/playbooks/late-delivery", {"state": "live", "reason": "as before"})
    storm(own)
    assert "late-delivery waits for a second person since today" in text_of(otto.get("/ops/playbooks"))
    page = otto.get("/ops/playbooks/late-delivery").text
    assert "it had reached 2 accounts within the hour, and 1 more wait" in page and "Yes, let it" not in page
    path = "/ops/playbooks/late-delivery/answer"
    own_yes = post(otto, path, {"said": "yes", "reason": "it is a strike"}, follow_redirects=True)
    assert "A second person has to say yes" in own_yes.text
    ruth = own.signed_in("ruth", "ops")
    assert "Say yes or no" in post(ruth, path, {"reason": "x"}, follow_redirects=True).text
    assert len(own.cards()) == 2
    assert (
        "1 account hears from us"
        in post(ruth, path, {"said": "yes", "reason": "a strike"}, follow_redirects=True).text
    )
    own.pass_time(minutes=5)
    own.tick()
    assert len(own.cards()) == 3
    assert "waits for a second person" not in ruth.get("/ops/playbooks").text


def test_anybody_may_say_no(own: World, otto: FlaskClient) -> None:
    storm(own)
    said = {"said": "no", "reason": "wrong data"}
    page = text_of(post(otto, "/ops/playbooks/late-delivery/answer", said, follow_redirects=True))
    assert "late-delivery is paused" in page and "State paused" in page


def test_runs_are_moved_after_a_look(own: World, otto: FlaskClient) -> None:
    own.account("a1", "Berlin Kitchens", person="anna")
    own.late("a1", "anna", "o-1")
    own.tick()
    moves = "/ops/playbooks/late-delivery/moves"
    assert "Everything is up to date." in otto.get(moves).text
    keep(otto, own, lambda text: text.replace("  - wait: 30d", "  - wait: 20d"))
    save(otto, reason="thirty days are long")
    page = otto.get(moves)
    assert "1 run of" in page.text and "Move 1 run" in page.text
    assert "Move them to today" in otto.get("/ops/playbooks/late-delivery").text
    assert "Choose a version" in post(otto, moves, {"reason": "x"}, follow_redirects=True).text
    version = re.search(r'name="version" value="(\w+)"', page.text)
    assert version
    done = post(otto, moves, {"version": version[1], "reason": "all alike"}, follow_redirects=True)
    assert "1 run moved." in done.text and "Everything is up to date." in otto.get(moves).text


# -- drafts --------------------------------------------------------------------------------------------


def test_a_draft_is_kept_and_nobody_acts_on_it(own: World, otto: FlaskClient) -> None:
    page = keep(otto, own, later)
    assert "The draft is kept. Nobody acts on it yet." in page.text
    assert "-if: event.days_late &gt;= 2" in re.sub(r"</?span[^>]*>", "", page.text)
    assert "days_late >= 2" in live(own)
    assert "draft" in text_of(otto.get("/ops/playbooks/late-delivery"))
    assert "Go on with the draft" in otto.get("/ops/playbooks/late-delivery").text


def test_what_is_wrong_is_told_while_one_types(own: World, otto: FlaskClient) -> None:
    wrong = live(own).replace("event.days_late", "event.days_lat", 1)
    found = post(otto, f"{DRAFT}/look", {"file": FILE, "text": wrong}).json
    assert (
        "line 8</a>: delivery.delayed and delivery.overdue have no field `days_lat`; did you mean days_late?"
        in found["faults"]
    )
    lines = found["code"].split('<span class="code-line')[1:]
    assert len(lines) == wrong.count("\n") + 1
    assert [number for number, line in enumerate(lines, 1) if line.startswith(" is-faulty")] == [8]
    assert "No faults." in post(otto, f"{DRAFT}/look", {"file": FILE, "text": live(own)}).json["faults"]
    assert own.house.settings.data_dir.joinpath("drafts").exists() is False


def test_what_a_text_breaks_is_told_too(own: World, otto: FlaskClient) -> None:
    file = "templates/late-delivery/call.md"
    found = post(otto, f"{DRAFT}/look", {"file": file, "text": "{{ person.nmae }}"}).json
    assert "nmae" in found["faults"] and "line 1" in found["faults"]
    story = post(
        otto, f"{DRAFT}/look", {"file": "playbooks/stories/late-delivery.yaml", "text": "a: [b"}
    ).json
    assert "1 fault" in story["faults"]


def test_what_somebody_types_cannot_become_a_page(own: World, otto: FlaskClient) -> None:
    nasty = 'playbook: "<script>alert(1)</script>"\nif: "<img src=x onerror=alert(1)>"\n'
    found = post(otto, f"{DRAFT}/look", {"file": FILE, "text": nasty}).json
    assert "<script" not in found["code"] + found["faults"] and "<img" not in found["code"] + found["faults"]
    page = keep(otto, own, nasty)
    assert "<script>alert" not in page.text


def test_a_draft_that_two_write_loses_nothing(own: World, otto: FlaskClient) -> None:
    keep(otto, own, later)
    form = {"file": FILE, "text": "# mine\n", "seen": digest(live(own))}
    page = post(otto, DRAFT, form)
    assert page.status_code == 409
    assert "Somebody has changed" in page.text and "# mine" in page.text


@pytest.mark.parametrize("file", ["playbooks/company.yaml", "templates/win-back/ask.md", "../../etc/passwd"])
def test_files_of_others_are_not_shown(own: World, otto: FlaskClient, file: str) -> None:
    assert otto.get(f"{DRAFT}?file={file}").status_code in (404, 409)
    assert post(otto, f"{DRAFT}/look", {"file": file, "text": "x"}).status_code == 404


def test_a_text_is_added_and_thrown_away(own: World, otto: FlaskClient) -> None:
    page = post(otto, f"{DRAFT}/text", {"text": "second-sorry.md"}, follow_redirects=True)
    assert "templates/late-delivery/second-sorry.md is empty so far" in page.text
    page = post(
        otto, f"{DRAFT}/drop", {"file": "templates/late-delivery/second-sorry.md"}, follow_redirects=True
    )
    assert "second-sorry" not in text_of(page).partition("again.")[2]
    refused = post(otto, f"{DRAFT}/text", {"text": "../../wsgi"}, follow_redirects=True)
    assert "is not a file that can be changed here" in refused.text


def test_saving_puts_it_into_the_folder_and_into_git(own: World, otto: FlaskClient) -> None:
    keep(otto, own, later)
    page = save(otto, reason="two days are too early")
    assert re.search(r"Saved 1 file as commit \w+\.", page.text)
    assert "days_late >= 4" in live(own)
    said = subprocess.run(
        ["git", "-C", str(own.house.settings.root), "log", "-1", "--format=%an: %s"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "Otto: late-delivery: two days are too early"
    assert own.house.outside.rules().playbooks["late-delivery"].source.count("days_late >= 4") == 1


def test_what_is_wrong_is_not_saved(own: World, otto: FlaskClient) -> None:
    keep(otto, own, lambda text: text.replace("event.days_late", "event.days_lat", 1))
    page = save(otto, reason="why not")
    assert "did you mean days_late?" in page.text and "days_late >= 2" in live(own)


def test_a_change_by_others_is_shown_and_not_undone(own: World, otto: FlaskClient) -> None:
    keep(otto, own, later)
    (own.house.settings.root / FILE).write_text(live(own).replace("severity: high", "severity: severe"))
    assert "in the folder since you began" in otto.get(DRAFT).text
    page = save(otto, reason="mine")
    assert "since. Look at it first." in page.text and "severity: severe" in live(own)
    post(otto, f"{DRAFT}/rebase", {"file": FILE, "seen": digest(live(own))})
    save(otto, reason="seen")
    assert "days_late >= 4" in live(own)


def test_managers_look_and_ops_write(own: World, otto: FlaskClient) -> None:
    miriam = own.signed_in("miriam", "manager")
    assert miriam.get("/ops/playbooks/late-delivery").status_code == 200
    assert miriam.get(DRAFT).status_code == 403
    assert post(miriam, f"{DRAFT}/save", {"reason": "x"}).status_code == 403


def test_what_was_saved_is_told_and_taken_back(own: World, otto: FlaskClient) -> None:
    before = live(own)
    keep(otto, own, later)
    save(otto, reason="two days are too early")
    page = otto.get("/ops/playbooks/late-delivery").text
    assert "You</strong> saved 1 file today 10:30: two days are too early" in page
    back = re.search(r'action="(/ops/playbooks/late-delivery/saved/\w+/back)"', page)
    assert back
    assert "Say why" in post(otto, back[1], {"reason": ""}, follow_redirects=True).text
    assert (
        "Saved 1 file as commit" in post(otto, back[1], {"reason": "it was not"}, follow_redirects=True).text
    )
    assert live(own) == before
    with own.house.database.view() as unit:
        assert [row.what for row in unit.audit_of("playbook/late-delivery")] == ["playbook.saved"] * 2
    assert post(otto, "/ops/playbooks/late-delivery/saved/x/back", {"reason": "x"}).status_code == 302


def test_a_story_that_cannot_be_read_is_not_saved(own: World, otto: FlaskClient) -> None:
    keep(
        otto, own, lambda text: text.replace("expect:", "expekt:", 1), "playbooks/stories/late-delivery.yaml"
    )
    page = save(otto, reason="x")
    assert "did you mean" in page.text and "Draft of late-delivery" in page.text
    assert "expekt" not in live(own, "playbooks/stories/late-delivery.yaml")


# -- trying out ----------------------------------------------------------------------------------------


def settled(client: FlaskClient, page: Any, seconds: float = 60) -> str:
    """The try-out's page once it is done: asked as the page asks, without sleeping."""
    address = page.headers["Location"]
    over = threading.Event()
    for _ in range(int(seconds * 5)):
        if not client.get(f"{address}/progress").json["runs"]:
            return text_of(client.get(address))
        over.wait(0.2)
    raise AssertionError("the try-out does not end")


def test_its_stories_are_told_of_the_draft(own: World, otto: FlaskClient) -> None:
    keep(otto, own, later)
    seen = settled(otto, post(otto, "/ops/playbooks/late-delivery/try", {"kind": "stories"}))
    assert re.search(r"1[0-9] stories, 1 not as told", seen)
    assert "not as told nobody sends an event and the promised day passes" in seen
    assert "branches" in seen
    assert "Stories" in text_of(otto.get(DRAFT))


def test_all_files_are_checked_with_the_draft(own: World, otto: FlaskClient) -> None:
    assert "Nothing is wrong." in post(otto, "/ops/playbooks/late-delivery/check").text
    keep(
        otto,
        own,
        lambda text: text.replace("because: late-delivery", "because: late-delivry", 1),
        "playbooks/stories/late-delivery.yaml",
    )
    seen = text_of(post(otto, "/ops/playbooks/late-delivery/check"))
    assert "playbooks/stories/late-delivery.yaml:" in seen and "1 error" in seen


def test_only_so_many_run_at_once_and_one_can_be_stopped(own: World, otto: FlaskClient) -> None:
    tryouts = Tryouts(own.house.settings)
    for id_ in ("one", "two"):
        tryouts.begin(
            id_,
            "stories",
            "late-delivery",
            "otto",
            own.clock.time,
            lambda _: ("serve", "--help-me"),
            lambda into: into.mkdir(),
        )
    with pytest.raises(Refused, match="run already"):
        tryouts.begin(
            "three",
            "stories",
            "late-delivery",
            "otto",
            own.clock.time,
            lambda _: (),
            lambda into: into.mkdir(),
        )
    post(otto, "/ops/tryouts/one/stop")
    assert tryouts.of("one").state == "stopped"
    assert "two" in settled(otto, _Answer("/ops/tryouts/two")) or tryouts.of("two").state == "failed"
    assert "It gave up: No such option" in text_of(otto.get("/ops/tryouts/two"))


class _Answer:
    def __init__(self, location: str) -> None:
        self.headers = {"Location": location}


def test_what_is_old_is_thrown_away(own: World) -> None:
    tryouts = Tryouts(own.house.settings)

    def begin(id_: str) -> None:
        tryouts.begin(id_, "stories", "x", "otto", own.clock.time, lambda _: ("--version",), Path.mkdir)

    begin("old")
    while tryouts.of("old").runs:
        threading.Event().wait(0.05)
    own.clock.time += timedelta(days=8)
    begin("new")
    assert [one.id for one in tryouts.all()] == ["new"]


def test_a_try_out_of_nobody_is_not_found(own: World, otto: FlaskClient) -> None:
    for path in (
        "/ops/tryouts/nothing",
        "/ops/tryouts/nothing/report",
        "/ops/tryouts/nothing/progress",
        "/ops/tryouts/..",
    ):
        assert otto.get(path).status_code == 404
    assert (
        "Choose what to try out"
        in post(otto, "/ops/playbooks/late-delivery/try", {"kind": "rm"}, follow_redirects=True).text
    )


def test_the_last_words_of_a_command_are_told() -> None:
    assert last_words("a\noutreach: there is no playbook x\n\n") == "there is no playbook x"
    assert last_words("") == "It gave no answer."


# -- a new one -----------------------------------------------------------------------------------------


def test_a_new_playbook_begins_as_a_copy_with_stories_and_texts_of_its_own(
    own: World, otto: FlaskClient
) -> None:
    page = post(
        otto, "/ops/new-playbook", {"name": "very late", "like": "late-delivery"}, follow_redirects=True
    )
    assert "Draft of very-late" in page.text and "very-late/call.md" in text_of(page)
    kept = drafts_of(own).of("very-late")
    assert "brief: very-late/call.md" in kept.files["playbooks/very-late.yaml"]
    assert "because: very-late" in kept.files["playbooks/stories/very-late.yaml"]
    assert not any("late-delivery/" in text for text in kept.files.values())
    assert "shared/late.md" not in str(kept.files.keys())
    assert "very-late" in text_of(otto.get("/ops/playbooks"))
    again = post(otto, "/ops/new-playbook", {"name": "very-late", "like": "late-delivery"})
    assert again.status_code == 409 and "There is a playbook very-late already" in again.text
    assert post(otto, "/ops/new-playbook", {"name": "../x", "like": "late-delivery"}).status_code == 409
    assert "Say in which state it starts" in save(otto, "very-late", reason="x").text
    gone = post(otto, "/ops/playbooks/very-late/draft/drop", follow_redirects=True)
    assert "very-late" not in text_of(gone).partition("Playbooks")[2]


def drafts_of(here: World) -> Drafts:
    return Drafts(here.house.settings.root, here.house.settings.data_dir / "drafts")


def test_a_new_playbook_is_never_live_before_somebody_says_so(own: World, otto: FlaskClient) -> None:
    post(otto, "/ops/new-playbook", {"name": "very-late", "like": "late-delivery"})
    page = text_of(save(otto, "very-late", reason="for the worst", state="shadow", percent="10"))
    assert "as commit" in page and "State shadow" in page
    assert "You made it shadow today 10:30: for the worst it was disabled" in page
    with own.house.database.view() as unit:
        assert unit.publish_states() == {"very-late": ("shadow", 100)}
    back = post(otto, "/ops/playbooks/very-late/back", {"reason": "not yet"}, follow_redirects=True)
    assert "very-late is now disabled." in back.text


# -- what an attacker tried ------------------------------------------------------------------------------


def test_a_draft_reaches_no_other_playbook(own: World, otto: FlaskClient) -> None:
    for file in ("playbooks/win-back.yaml", "playbooks/sneaky.yaml", "templates/win-back/ask.md"):
        assert post(otto, DRAFT, {"file": file, "text": "x", "seen": ""}).status_code == 404
    assert drafts_of(own).names() == []


def test_nobody_saves_what_they_have_not_seen(own: World, otto: FlaskClient) -> None:
    keep(otto, own, later)
    page = otto.get(DRAFT).text
    seen = re.search(r'save" class="stack">.*?name="seen" value="(\w*)"', page, re.DOTALL)
    assert seen
    eva = own.signed_in("eva", "ops")
    post(eva, DRAFT, {"file": FILE, "text": later(live(own)) + "# mine\n", "seen": digest(later(live(own)))})
    form = {"reason": "why", "anyway": "1", "seen": seen[1]}
    assert (
        "gone on with the draft since you looked"
        in post(otto, f"{DRAFT}/save", form, follow_redirects=True).text
    )
    assert "days_late >= 2" in live(own)
    save(otto, reason="both of us")
    with own.house.database.view() as unit:
        assert unit.saves_of("late-delivery", 1)[0].authors == ["otto", "eva"]


def test_whoever_wrote_any_of_it_is_no_second_person(own: World, otto: FlaskClient) -> None:
    """In the draft, in a text that it shares with others, or before somebody else's small change."""
    keep(otto, own, lambda text: text + "\nAnd ring.\n", "templates/shared/late.md")
    save(otto, reason="a word")
    eva = own.signed_in("eva", "ops")
    keep(
        eva,
        own,
        lambda text: text + "# a comment\n",
        "playbooks/stories/first-order-failure.yaml",
        "first-order-failure",
    )
    save(eva, "first-order-failure", reason="a comment")
    storm(own)
    (asked,) = publishing.asked(own.house.outside)
    assert "otto" in asked.not_by
    answer = f"/ops/playbooks/{asked.playbook}/answer"
    assert (
        "A second person has to say yes"
        in post(otto, answer, {"said": "yes", "reason": "x"}, follow_redirects=True).text
    )


def test_a_story_that_is_not_as_told_is_saved_only_on_purpose(own: World, otto: FlaskClient) -> None:
    keep(otto, own, later)
    said = save(otto, reason="why", anyway="")
    assert "1 story is not as told: nobody sends an event and the promised day passes" in said.text
    assert "days_late >= 2" in live(own)
    assert "Saved 1 file" in save(otto, reason="why").text


def test_a_faulty_draft_is_not_tried_out(own: World, otto: FlaskClient) -> None:
    keep(otto, own, lambda text: text.replace("event.days_late", "event.days_lat", 1))
    tried = post(otto, "/ops/playbooks/late-delivery/try", {"kind": "stories"}, follow_redirects=True)
    assert "did you mean days_late?" in tried.text and "Draft of late-delivery" in tried.text


def test_what_a_story_says_is_asked_while_one_types(own: World, otto: FlaskClient) -> None:
    file = "playbooks/stories/late-delivery.yaml"
    wrong = live(own, file).replace("expect:", "expekt:", 1)
    found = post(otto, f"{DRAFT}/look", {"file": file, "text": wrong}).json
    assert "did you mean" in found["faults"] and "is-faulty" in found["code"]


# -- disabling ------------------------------------------------------------------------------------------


def test_whoever_disables_a_playbook_has_read_what_ends_by_it(own: World, otto: FlaskClient) -> None:
    busy_day(own)
    page = text_of(otto.get("/ops/playbooks/late-delivery"))
    assert "Disable it, and let them end: " in page and "runs end for good" in page
    address, form = "/ops/playbooks/late-delivery", {"state": "disabled", "reason": "not wanted"}
    refused = post(otto, address, form, follow_redirects=True)
    assert re.search(
        r"Nothing is changed yet. If late-delivery is disabled, \d+ runs end for good", text_of(refused)
    )
    assert '<option value="disabled" selected>' in refused.text and 'value="not wanted"' in refused.text
    assert '<details class="extra" open><summary>Change it</summary>' in refused.text, "to be ticked there"
    with own.house.database.view() as unit:
        assert "late-delivery" not in unit.publish_states()
    done = post(otto, address, {**form, "sure": "yes"}, follow_redirects=True)
    assert "late-delivery is now disabled." in text_of(done)
    own.tick()
    with own.house.database.view() as unit:
        assert unit.ends_with("late-delivery").runs == 0
    again = post(otto, address, form, follow_redirects=True)
    assert "late-delivery is now disabled." in text_of(again), "nothing is left to end"


# -- a save that breaks off -----------------------------------------------------------------------------


def test_a_save_that_broke_off_is_on_record_and_can_be_looked_up(own: World, otto: FlaskClient) -> None:
    text = later(live(own))
    book = saves.Book(own.house.outside, "late-delivery", "eva", "they wait too long")
    book.begin({FILE: live(own)}, {FILE: text})
    (own.house.settings.root / FILE).write_text(text)
    page = text_of(otto.get("/ops/playbooks/late-delivery"))
    assert "began to save 1 file" in page and "it is being done now, or it broke off" in page
    done = post(otto, "/ops/playbooks/late-delivery/saved/mend", follow_redirects=True)
    assert "what eva saved (they wait too long) is in the folder." in text_of(done)
    assert "saved 1 file" in text_of(done) and "broke off" not in text_of(done)
    again = post(otto, "/ops/playbooks/late-delivery/saved/mend", follow_redirects=True)
    assert "Every save is written down." in text_of(again)


def test_the_next_save_settles_what_broke_off_before(own: World, otto: FlaskClient) -> None:
    other = "playbooks/win-back.yaml"
    saves.Book(own.house.outside, "win-back", "eva", "x").begin({other: live(own, other)}, {other: "x"})
    keep(otto, own, later)
    assert "as commit" in text_of(save(otto, reason="they wait"))
    assert saves.broken_off(own.house.outside) == []
