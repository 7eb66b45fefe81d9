"""The customer's own page: each path through it, by HTTP on both databases and in a real browser."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from outreach.service import care_code, care_links, care_page, privacy
from outreach.service.ports_records import User
from outreach.web import care
from outreach.web.languages import LANGUAGES, catalogue, speech
from tests.support.axe import axe_violations
from tests.web.test_browser import PHONE, sign_in
from tests.web.world import World

WIDE = {"width": 1280, "height": 900}
SELLING = {"marketing", "reorder", "winback"}


class Care:
    """Anna's page: she was let down twice, and something was promised to her."""

    def __init__(self, here: World) -> None:
        self.here = here
        here.account("hotel", "Hotel Weber", person="anna")
        here.house.database.retrying(
            lambda unit: unit.save_user(
                User("jonas", "Jonas Lindner", "jonas@house.example", "x", "am", phone="+4930111")
            )
        )
        here.tell(
            "delivery.lost",
            "hotel",
            {"order_id": "o-1", "what": "the charcoal grill", "person_id": "anna"},
            ago=timedelta(days=2),
        )
        here.late("hotel", "anna", "o-2", 4)
        until = (here.clock.time + timedelta(days=1)).isoformat()
        here.tell(
            "promise.made",
            "hotel",
            {
                "promise_id": "p1",
                "what": "A new grill",
                "until": until,
                "failure": "delivery/o-1",
                "person_id": "anna",
            },
        )
        here.tick()
        self.token = care_links.link_by_hand(here.house.outside, "anna", "hotel", "jonas")
        self.client: FlaskClient = here.app.test_client()

    def get(self, query: str = "") -> Any:
        return self.client.get(f"/care/{self.token}{query}")

    def post(self, what: str, **form: Any) -> Any:
        return self.client.post(f"/care/{self.token}/{what}", data=form)

    def types(self) -> list[str]:
        with self.here.house.database.view() as unit:
            return [event.type for event in unit.events_of("hotel")]

    def person(self) -> Any:
        with self.here.house.database.view() as unit:
            return unit.people(["anna"])["anna"]

    def failure(self, id_: str) -> Any:
        with self.here.house.database.view() as unit:
            state = unit.account("hotel")
        assert state is not None
        return state.failures[id_]

    def code(self) -> str:
        """From the message that lies in the outbox."""
        folder = self.here.house.settings.outbox_dir
        newest = max(folder.rglob("*"), key=lambda file: (file.is_file(), file.stat().st_mtime_ns))
        found = re.search(
            r"\b(\d{6})\b", newest.read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[1]
        )
        assert found, newest
        return found[1]

    def proof(self) -> str:
        """As they get it: by a code to an address of theirs."""
        assert self.post("code", way="email").status_code == 303
        shown = self.post("known", code=self.code())
        return re.findall(r'name="proof" value="([^"]+)"', shown.text)[0]


def code_in_outbox(here: World) -> str:
    """From the newest message that lies there."""
    files = [file for file in here.house.settings.outbox_dir.rglob("*") if file.is_file()]
    newest = max(files, key=lambda file: file.stat().st_mtime_ns)
    found = re.search(r"\b(\d{6})\b", newest.read_text(encoding="utf-8").split("\n\n", 1)[1])
    assert found, newest
    return found[1]


@pytest.fixture
def anna(either: World) -> Care:
    return Care(either)


# -- looking ---------------------------------------------------------------------------------------------------


def test_the_page_says_what_happened_and_who_looks_after_it(anna: Care) -> None:
    page = anna.get()
    assert page.status_code == 200
    for words in (
        "Hello Anna",
        "Jonas Lindner",
        "Your delivery was lost",
        "the charcoal grill",
        "A new grill",
        "Your delivery is late",
    ):
        assert words in page.text, words
    assert page.headers["Cache-Control"] == "no-store" and page.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in page.headers and "<script" not in page.text


def test_looking_changes_nothing_and_the_database_does_not_hold_the_address(anna: Care) -> None:
    def rows() -> list[Any]:
        with anna.here.house.database.view() as unit:
            return [
                unit.bulk.rows(f'select * from "{table}"')
                for table in ("event", "care_link", "audit", "touch", "person")
            ]

    before = [sorted(map(str, each)) for each in rows()]
    for _ in range(2):
        anna.get()
        anna.get("?done=call")
        for what in (
            "call",
            "right",
            "stop",
            "pause",
            "code",
            "known",
            "export",
            "erase",
            "wishes",
            "write",
            "start",
        ):
            assert anna.client.get(f"/care/{anna.token}/{what}").status_code == 405
    assert [sorted(map(str, each)) for each in rows()] == before
    assert anna.token not in str(before)


@pytest.mark.parametrize("token", ["nonsense", "%00", "x" * 5000, "..", "é"])
def test_an_address_that_is_none_leads_to_a_kind_word(anna: Care, token: str) -> None:
    page = anna.client.get(f"/care/{token}", headers={"Accept-Language": "de-AT, en;q=0.5"})
    assert page.status_code in (404, 422)
    if page.status_code == 404 and token != "..":
        assert "Diese Seite gibt es nicht mehr." in page.text


def test_an_address_ends_and_can_be_shut(anna: Care) -> None:
    anna.here.pass_time(days=59)
    assert anna.get().status_code == 200
    anna.here.pass_time(days=2)
    assert anna.get().status_code == 404 and anna.post("stop", scope="all").status_code == 404
    fresh = care_links.link_by_hand(anna.here.house.outside, "anna", None, "jonas")
    assert care_links.revoke_links(anna.here.house.outside, "anna", "jonas") >= 1
    assert anna.client.get(f"/care/{fresh}").status_code == 404


def test_a_colleague_s_trouble_is_not_shown_and_cannot_be_closed(anna: Care) -> None:
    anna.here.tell(
        "person.described",
        "person:bert",
        {"name": "Bert", "accounts": [{"account": "hotel", "roles": ["payer"]}]},
    )
    anna.here.tell(
        "delivery.damaged", "hotel", {"order_id": "o-9", "what": "Bert's own table", "person_id": "bert"}
    )
    assert "own table" not in anna.get().text
    assert anna.post("right", trouble="hotel|delivery/o-9").status_code == 404
    assert anna.post("right", trouble="other|delivery/o-9").status_code == 404
    assert anna.failure("delivery/o-9").is_open


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_speaks_their_language(anna: Care, language: str) -> None:
    anna.here.tell("person.described", "person:anna", {"language": language})
    page = anna.get().text
    said = speech(language, "Europe/Berlin")
    assert f'<html lang="{language}">' in page
    for words in ("What went wrong", "It is put right", "Do not contact me at all", "Your delivery was lost"):
        assert said.say(words) in page
        assert language == "en" or said.say(words) != words


# -- saying ---------------------------------------------------------------------------------------------------


def test_a_call_is_asked_for_once_and_only_when_it_will_be_kept(anna: Care) -> None:
    page = anna.get().text
    slots = re.findall(r'<option value="(2026[^"]+)"', page)
    assert slots
    for _ in range(2):
        assert anna.post("call", at=slots[0]).status_code == 303
    assert anna.types().count("callback.asked") == 1
    refused = anna.post("call", at="2026-03-08T02:00:00+00:00")  # a Sunday night
    assert refused.status_code == 409 and "Nobody is here to ring you then" in refused.text
    assert anna.post("call").status_code == 303
    assert anna.types().count("callback.asked") == 2


def test_their_own_word_closes_and_reopens(anna: Care) -> None:
    assert anna.post("right", trouble="hotel|delivery/o-1").status_code == 303
    closed = anna.failure("delivery/o-1")
    assert (closed.state, closed.closed_by) == ("put_right", "customer")
    assert "put right" in anna.get("?done=right").text
    anna.post("not-right", trouble="hotel|delivery/o-1", words="It came without its lid.")
    again = anna.failure("delivery/o-1")
    assert again.is_open and again.round == 2 and again.severity >= closed.severity
    anna.post("not-right", trouble="hotel|delivery/o-1", words="Still no lid.")
    assert "message.received" in anna.types()


def test_what_we_understood_is_confirmed_or_corrected(anna: Care) -> None:
    for _ in range(2):
        anna.post("understood", trouble="hotel|delivery/o-1")
    assert [said.value for said in anna.person().preferences] == ["Confirmed how we understood delivery/o-1."]
    empty = anna.post("write", trouble="hotel|delivery/o-1", words="  ")
    assert empty.status_code == 409 and "Write a few words." in empty.text
    anna.post("write", trouble="hotel|delivery/o-1", words="It was the gas grill.")
    with anna.here.house.database.view() as unit:
        (said,) = [event for event in unit.events_of("hotel") if event.type == "message.received"]
    assert said.data["text"] == "It was the gas grill." and said.data["channel"] == "page"


def test_wishes_are_kept_changed_and_taken_back(anna: Care) -> None:
    anna.post(
        "wishes",
        name="Frau Weber",
        language="de",
        channel="call",
        not_channel=["sms", "fax"],
        hours="after 16:00",
        days="not monday",
        note="Hat einen Hund",
    )
    kept = {said.kind: said.value for said in anna.person().preferences}
    assert kept == {"name": "Frau Weber", "language": "de", "channel": "call", "not_channel": "sms", "hours": "after 16:00", "days": "not monday", "note": "Hat einen Hund"}  # fmt: skip
    page = anna.get().text
    assert "Guten Tag Frau Weber" in page and re.search(r'value="sms" checked', page)
    form = {"name": "Frau Weber", "language": "de", "channel": "", "hours": "", "days": "not monday"}
    anna.post("wishes", **form)
    assert {said.kind for said in anna.person().preferences} == {
        "name",
        "language",
        "days",
        "note",
        "not_channel",
    }
    anna.post("wishes", **form, proof=anna.proof())
    kept = {said.kind: said.value for said in anna.person().preferences}
    assert kept == {"name": "Frau Weber", "language": "de", "days": "not monday", "note": "Hat einen Hund"}


def test_they_may_ask_us_to_wait_until_it_has_arrived(anna: Care) -> None:
    assert '<option value="delivery.arrived o-1">until o-1 is here</option>' in anna.get().text
    anna.post("wishes", wait_for="delivery.arrived o-1")
    assert [(said.kind, said.value) for said in anna.person().preferences] == [
        ("wait_for", "delivery.arrived o-1")
    ]
    assert '<option value="delivery.arrived o-1" selected>' in anna.get().text
    anna.post("wishes", wait_for="")
    assert anna.person().preferences == []


def test_a_pause_begins_and_ends(anna: Care) -> None:
    anna.post("pause")
    assert "We leave you in peace until" in anna.get().text
    assert anna.post("pause", ends="1").status_code == 403, "who holds a forwarded mail ends no peace"
    assert "We leave you in peace until" in anna.get().text
    assert anna.post("pause", ends="1", proof=anna.proof()).status_code == 303
    assert "Leave me in peace" in anna.get().text


def test_words_that_no_box_can_show_are_kept(anna: Care) -> None:
    said = {"person_id": "anna", "kind": "not_channel", "value": "no phone calls, and nothing by letter"}
    anna.here.tell("preference.stated", "person:anna", said)
    assert re.search(r'value="call" checked', anna.get().text)
    anna.post("wishes", name="Anna", language="de")
    assert [said.value for said in anna.person().preferences if said.kind == "not_channel"] == [said["value"]]
    anna.post("wishes", name="Anna", language="de", not_channel="sms")
    assert [said.value for said in anna.person().preferences if said.kind == "not_channel"] == ["call, sms"]


def test_nothing_unseen_and_no_made_up_language_is_kept(anna: Care) -> None:
    anna.post("wishes", name="An\u202ena\x07", note="two\r\nlines")
    assert {said.kind: said.value for said in anna.person().preferences} == {
        "name": "Anna",
        "note": "two lines",
    }
    assert anna.post("wishes", language="de\r\nBcc: x@example.com").status_code == 409
    assert anna.post("code", way="email").status_code == 303


def test_a_time_that_is_none_is_not_now(anna: Care) -> None:
    assert anna.post("call", at="half past").status_code == 409
    assert "callback.asked" not in anna.types()


@pytest.mark.parametrize(
    ("scope", "shut"), [("selling", SELLING), ("written", {"email", "sms"}), ("all", {"all", "email", "sms"})]
)
def test_what_they_stop_is_stopped_until_they_open_it(anna: Care, scope: str, shut: set[str]) -> None:
    for _ in range(2):
        assert anna.post("stop", scope=scope).status_code == 303
    assert shut <= anna.person().opted_out.keys()
    assert anna.post("start", scope=scope).status_code == 403, "who holds a forwarded mail opens nothing"
    assert shut <= anna.person().opted_out.keys() and not anna.person().permissions
    assert anna.post("start", scope=scope, proof=anna.proof()).status_code == 303
    assert not shut & anna.person().opted_out.keys()
    if scope == "selling":
        given = {one.purpose: one for one in anna.person().permissions}
        assert given["marketing"].wording == care.AGREED and given["marketing"].page == "care"
        assert {(one.channel, one.endpoint) for one in given.values()} == {("email", "anna@example.com")}
    assert anna.post("stop", scope="the music").status_code == 409


def test_writing_again_opens_no_more_than_writing(anna: Care) -> None:
    anna.post("stop", scope="all")
    anna.post("start", scope="written", proof=anna.proof())
    assert anna.person().opted_out.keys() & {"all", "email", "sms"} == {"all"}


def test_the_kill_switch_holds_for_a_code_too(anna: Care) -> None:
    anna.here.house.database.retrying(lambda unit: unit.set_setting("stop_all", "the test"))
    assert anna.post("code", way="email").status_code == 409
    assert not [file for file in anna.here.house.settings.outbox_dir.rglob("*") if file.is_file()]


def test_without_a_language_of_theirs_the_company_s_is_spoken(anna: Care) -> None:
    anna.here.account("inn", "Inn")
    anna.here.tell(
        "person.described",
        "person:cora",
        {"name": "Cora", "accounts": [{"account": "inn", "roles": ["buyer"]}]},
    )
    page = care_page.look(
        anna.here.house.outside, care_links.link_by_hand(anna.here.house.outside, "cora", None, "x")
    )
    assert page.language == anna.here.house.outside.rules().company.language


def test_who_wants_no_contact_is_asked_before_we_ring(anna: Care) -> None:
    anna.post("stop", scope="all")
    refused = anna.post("call")
    assert refused.status_code == 409 and "You asked us not to contact you" in refused.text
    anna.post("start", scope="all", proof=anna.proof())
    assert anna.post("call").status_code == 303


# -- what we know -------------------------------------------------------------------------------------------------


def test_what_we_know_asks_for_a_code_that_was_sent_to_them(anna: Care) -> None:
    assert "+4930" not in anna.get().text.replace("+49 30 23125 100", "").replace("+493023125100", "")
    assert anna.post("known", code="123456").status_code == 403
    assert anna.post("export", proof="made up").status_code == 403
    assert anna.post("code", way="fax").status_code == 409
    assert anna.post("code", way="email").status_code == 303
    right = anna.code()
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    assert anna.post("known", code=wrong).status_code == 403
    shown = anna.post("known", code=right)
    assert shown.status_code == 200 and "anna@example.com" in shown.text
    assert anna.post("known", code=right).status_code == 403, "a code is good once"
    (proof,) = set(re.findall(r'name="proof" value="([^"]+)"', shown.text))
    page, tree = (
        anna.post("export", proof=proof, **{"as": "html"}),
        anna.post("export", proof=proof, **{"as": "json"}),
    )
    assert "Anna Weber" in page.text and tree.json["person"] == "anna"
    assert "attachment" in page.headers["Content-Disposition"]


def test_guessing_a_code_ends_after_a_few_tries_and_a_quarter_of_an_hour(anna: Care) -> None:
    anna.post("code", way="email")
    right = anna.code()
    for _ in range(5):
        anna.post("known", code="xxxxxx")
    assert anna.post("known", code=right).status_code == 403
    anna.post("code", way="email")
    again = anna.code()
    anna.here.pass_time(minutes=16)
    assert anna.post("known", code=again).status_code == 403


def test_only_a_few_codes_a_day_whatever_the_address(anna: Care) -> None:
    outside, token = anna.here.house.outside, anna.token
    for _ in range(5):
        anna.token = care_links.link_by_hand(outside, "anna", None, "x")
        assert anna.post("code", way="email").status_code == 303
    anna.token = token
    refused = anna.post("code", way="email")
    assert refused.status_code == 409 and "many codes for one day" in refused.text
    anna.here.pass_time(hours=25)
    assert anna.post("code", way="email").status_code == 303


def test_deleting_takes_a_code_and_a_word_and_leaves_nothing(anna: Care) -> None:
    anna.post("code", way="email")
    shown = anna.post("known", code=anna.code())
    (proof,) = set(re.findall(r'name="proof" value="([^"]+)"', shown.text))
    unsure = anna.post("erase", proof=proof, sure="maybe")
    assert unsure.status_code == 409 and "Type the word to be sure" in unsure.text
    assert not anna.person().erased
    gone = anna.post("erase", proof=proof, sure="Delete")
    assert gone.status_code == 200 and "You are deleted." in gone.text
    assert anna.person().erased and anna.get().status_code == 404
    assert "Anna" not in str(privacy.file_of(anna.here.house.outside, "anna").as_tree())


def test_names_numbers_and_words_are_in_no_log_no_address_and_no_metric(
    anna: Care, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    addresses = []
    for what, form in (
        ("write", {"words": "Planted zebra"}), ("not-right", {"trouble": "hotel|delivery/o-1", "words": "Planted zebra"}),
        ("wishes", {"name": "Planted zebra", "note": "Planted zebra"}), ("code", {"way": "email"}), ("known", {"code": "1"}),
        ("call", {}), ("stop", {"scope": "all"}), ("nonsense", {"words": "Planted zebra"}),
    ):  # fmt: skip
        addresses.append(anna.post(what, **form).headers.get("Location", ""))
    addresses += re.findall(r'(?:href|action)="([^"]+)"', anna.get().text)
    own = {"tel:+493023125100", "mailto:jonas@house.example"}
    metrics = anna.here.app.test_client().get("/metrics").text
    told = capfd.readouterr()
    logs = caplog.text + told.out + told.err
    for words in ("zebra", "Planted", "Weber", "anna@", "Anna", "+4930123"):
        assert words not in logs and words not in metrics, words
        assert not [each for each in addresses if words in each and each not in own], words


# -- words ----------------------------------------------------------------------------------------------------------


def said_in_english() -> list[str]:
    web = Path(care.__file__).parent
    pages = [
        (web / "pages" / name).read_text(encoding="utf-8")
        for name in ("care.html", "care_base.html", "care_gone.html")
    ]
    found = [words for page in pages for words in re.findall(r'_\("([^"]+)"', page)]
    code = Path(care.__file__).read_text(encoding="utf-8")
    found += re.findall(r'say\(\s*"([^"]+)"', code)
    service = web.parent / "service"
    for name in ("care_said.py", "care_code.py"):
        found += re.findall(r'Refused\(\s*"([^"]+)"', (service / name).read_text(encoding="utf-8"))
    found.append(care_code.NOT_NOW)
    known = (service / "privacy.py").read_text(encoding="utf-8")
    found += re.findall(r'Section\(\s*"([^"]+)"', known)
    return list(dict.fromkeys([*found, *care.DONE.values(), *care.TROUBLES.values(), care.AGREED]))


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != "en"])
def test_everything_is_said_in_every_language(language: str) -> None:
    known = catalogue(language)
    english = said_in_english()
    assert len(english) > 100
    assert [words for words in english if words not in known] == []
    for words, theirs in known.items():
        assert set(re.findall(r"{\w+}", words)) == set(re.findall(r"{\w+}", theirs)), words


# -- in a browser ---------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, WIDE], ids=["phone", "wide"])
def test_a_customer_finds_the_way(browser_page: Any, served: tuple[World, str], size: dict[str, int]) -> None:
    here, base = served
    page = browser_page
    page.set_viewport_size(size)
    token = care_links.link_by_hand(here.house.outside, "anna", "a1", "jonas")
    page.goto(f"{base}/care/{token}")
    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.click("text=Ring me then")
    page.wait_for_selector("text=We ring you.")
    page.click("text=It is put right >> nth=0")
    page.wait_for_selector("text=We are glad that it is put right.")
    page.click("summary:has-text('It is not put right') >> nth=0")
    page.fill("textarea[name=words] >> visible=true >> nth=0", "The lid is missing.")
    page.click("details[open] >> text=Send")
    page.wait_for_selector(".note-done")
    page.select_option("#hours", "after 16:00")
    page.check("input[value=sms]")
    page.click("text=Save")
    page.wait_for_selector("text=Noted.")
    assert page.input_value("#hours") == "after 16:00" and page.is_checked("input[value=sms]")
    page.click("text=Leave me in peace for 30 days")
    page.wait_for_selector("text=We leave you in peace until")
    page.click("text=No more offers")
    page.wait_for_selector("text=We write to you only about")
    assert axe_violations(page) == []
    page.click("button:has-text('Code by e-mail')")
    page.wait_for_selector("text=The code is on its way.")
    page.fill("#code", code_in_outbox(here))
    page.click("text=Show me")
    page.click("summary:has-text('Who you are'), summary:has-text('who you are')")
    assert "anna@example.com" in page.inner_text("#known")
    assert axe_violations(page) == []
    page.fill("#sure", "delete")
    page.click("button:has-text('Delete me')")
    page.wait_for_selector("text=You are deleted.")
    assert axe_violations(page) == []


@pytest.mark.browser
def test_a_colleague_makes_an_address_and_shuts_it(browser_page: Any, served: tuple[World, str]) -> None:
    page = browser_page
    base = sign_in(page, served)
    page.goto(f"{base}/desk/people/anna")
    page.click("text=Make an address")
    link = page.inner_text(".code")
    assert "/care/" in link
    assert axe_violations(page) == []
    page.click("text=Shut all addresses given out")
    page.wait_for_selector("text=nowhere any more")
    assert page.request.get(f"{base}/care/{link.rpartition('/')[2]}").status == 404
