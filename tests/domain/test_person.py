"""A person as folded from events: opt-outs only grow, the newest word of a kind counts, erased is erased."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.facts import Channel, Endpoint, Event
from outreach.domain.person import PersonState, as_person, fold_person, subject_of
from tests.domain.makers import HOUR, MONDAY, event


def told(*events: Event) -> PersonState:
    state = PersonState("anna")
    for number, each in enumerate(events):
        fold_person(state, each._replace(subject=subject_of("anna"), time=MONDAY + number * HOUR))
    return state


DESCRIBED = event(
    "person.described", name="Anna Weber", phone="+4930123456", email="anna@kunde.example", language="de",
    zone="Europe/Berlin", accounts=[{"account": "a1", "roles": ["buyer", "payer"]}, {"account": "a2"}],
)  # fmt: skip


def test_a_description_says_who_they_are_and_what_is_left_out_stays() -> None:
    anna = as_person(told(DESCRIBED, event("person.described", name="Anna Weber-Roth", language=None)))
    assert (anna.name, anna.language, anna.zone) == ("Anna Weber-Roth", "de", "Europe/Berlin")
    assert anna.roles == {"a1": ("buyer", "payer"), "a2": ()}
    assert anna.endpoint(Channel.EMAIL) == Endpoint("email", "anna@kunde.example")
    assert anna.endpoint(Channel.SMS) == anna.endpoint(Channel.CALL) == Endpoint("phone", "+4930123456")


def test_a_new_list_of_accounts_replaces_the_old_one() -> None:
    moved = event("person.described", accounts=[{"account": "a3", "roles": ["user"]}])
    assert as_person(told(DESCRIBED, moved)).roles == {"a3": ("user",)}


def test_rows_that_name_no_account_are_passed_over() -> None:
    odd = event("person.described", accounts=["a1", {"roles": ["buyer"]}, {"account": "a2", "roles": None}])
    assert as_person(told(odd)).roles == {"a2": ()}


def test_of_nobody_described_there_is_nothing_but_the_id() -> None:
    nobody = as_person(told())
    assert (nobody.id, nobody.identity, nobody.name, nobody.language) == ("anna", "anna", "", "en")
    assert as_person(told(), "anna-private").identity == "anna-private"


def test_the_newest_preference_of_a_kind_counts_and_notes_are_all_kept() -> None:
    state = told(
        event("preference.stated", kind="hours", value="after 16:00", by="jonas"),
        event("preference.stated", kind="note", value="has a dog"),
        event("preference.stated", kind="hours", value="before 12:00"),
        event("preference.stated", kind="note", value="sings in a choir"),
    )
    assert [(said.kind, said.value) for said in state.preferences] == [
        ("note", "has a dog"), ("hours", "before 12:00"), ("note", "sings in a choir"),
    ]  # fmt: skip
    assert state.preferences[1].said_at == MONDAY + 2 * HOUR


@pytest.mark.parametrize("data", [{}, {"kind": "hours"}, {"value": "after 16:00"}])
def test_a_preference_without_kind_or_words_says_nothing(data: dict[str, str]) -> None:
    assert told(event("preference.stated", person_id="anna", **data)).preferences == []


@pytest.mark.parametrize(
    ("said", "shut"),
    [
        (event("endpoint.opted_out", channel="sms", how="STOP"), {"sms": "STOP"}),
        (
            event("endpoint.opted_out", purpose="marketing", channel="email", how="link"),
            {"marketing": "link"},
        ),
        (event("endpoint.opted_out"), {"all": "endpoint.opted_out"}),  # unclear is everything
        (event("person.refused"), dict.fromkeys(("email", "sms"), "refused in their own words")),
        (
            event("person.refused", scope="written"),
            dict.fromkeys(("email", "sms"), "refused in their own words"),
        ),
        (event("person.refused", scope="all"), {"all": "refused in their own words"}),
        (event("person.refused", scope="calls"), {"all": "refused in their own words"}),  # may include calls
        (event("consent.withdrawn", purpose="winback", how="on the phone"), {"winback": "on the phone"}),
        (event("consent.withdrawn", purpose="winback"), {"winback": "consent withdrawn"}),
    ],
)
def test_what_they_shut_is_shut(said: Event, shut: dict[str, str]) -> None:
    assert as_person(told(DESCRIBED, said)).opted_out == shut


def test_only_their_own_new_consent_opens_a_purpose_and_no_channel() -> None:
    stop = event("endpoint.opted_out", channel="sms", how="STOP")
    no_mail = event("endpoint.opted_out", channel="email", how="link")
    no = event("consent.withdrawn", purpose="marketing", how="by letter")
    yes = event("consent.given", purpose="marketing", channel="sms", basis="express")
    assert told(stop, no_mail, no).opted_out == {"sms": "STOP", "email": "link", "marketing": "by letter"}
    state = told(stop, no_mail, no, yes)
    assert state.opted_out == {"sms": "STOP", "email": "link"}
    (given,) = state.permissions
    assert (given.purpose, given.channel, given.is_express) == ("marketing", "sms", True)


def test_a_withdrawn_consent_is_gone_and_a_consent_without_basis_is_express() -> None:
    yes, no = event("consent.given", purpose="winback"), event("consent.withdrawn", purpose="winback")
    assert [(one.purpose, one.basis) for one in told(yes).permissions] == [("winback", "express")]
    assert told(yes, no).permissions == []
    assert "winback" in told(yes, no).opted_out


def test_erased_stays_erased_whatever_comes_after() -> None:
    state = told(
        DESCRIBED,
        event("preference.stated", kind="note", value="has a dog"),
        event("consent.given", purpose="marketing"),
        event("endpoint.opted_out", channel="sms"),
        event("person.erased"),
        DESCRIBED,
        event("consent.given", purpose="marketing", channel="sms"),
    )
    gone = as_person(state)
    assert gone.erased
    assert (gone.name, gone.phone, gone.email, gone.preferences, gone.permissions) == ("", None, None, (), ())
    assert "sms" in gone.opted_out  # what they shut outlives them here
    assert state.newest is not None and state.newest[0] == MONDAY + 6 * HOUR


def test_unknown_types_change_nothing_but_what_is_newest() -> None:
    state = told(DESCRIBED)
    fold_person(state, event("order.placed", MONDAY + HOUR))
    assert as_person(state) == as_person(told(DESCRIBED))
    assert state.newest is not None and state.newest[0] == MONDAY + HOUR


CHANNELS, PURPOSES = st.sampled_from(["call", "email", "sms"]), st.sampled_from(["marketing", "winback"])
WITHOUT_CONSENT: st.SearchStrategy[Any] = st.one_of(
    st.just(DESCRIBED),
    st.builds(lambda channel: event("endpoint.opted_out", channel=channel), CHANNELS),
    st.builds(lambda purpose: event("endpoint.opted_out", purpose=purpose), PURPOSES),
    st.builds(
        lambda scope: event("person.refused", scope=scope), st.sampled_from(["written", "calls", "all"])
    ),
    st.builds(lambda purpose: event("consent.withdrawn", purpose=purpose), PURPOSES),
    st.builds(lambda words: event("preference.stated", kind="channel", value=words), CHANNELS),
    st.just(event("person.erased")),
)


@given(st.lists(WITHOUT_CONSENT, max_size=15))
def test_without_a_new_consent_opt_outs_only_grow(events: list[Event]) -> None:
    state, before = PersonState("anna"), set[str]()
    for each in events:
        fold_person(state, each)
        assert before <= set(state.opted_out)
        before = set(state.opted_out)


@given(st.lists(WITHOUT_CONSENT | st.just(event("consent.given", purpose="marketing")), max_size=15))
def test_once_erased_nothing_personal_ever_comes_back(events: list[Event]) -> None:
    gone = as_person(told(DESCRIBED, event("person.erased"), *events))
    assert gone.erased
    assert (gone.name, gone.phone, gone.email, gone.preferences, gone.permissions) == ("", None, None, (), ())


# -- permissions and registries --------------------------------------------------------------------------


def test_a_permission_is_for_the_address_on_file_when_it_was_given() -> None:
    state = told(
        DESCRIBED,
        event(
            "consent.given", purpose="winback", channel="call", how="on the phone", wording="May we ring you?"
        ),
        event("person.described", phone="+4930999999"),
    )
    (given,) = as_person(state).permissions
    assert (given.endpoint, given.how, given.wording) == ("+4930123456", "on the phone", "May we ring you?")


def test_implied_consent_opens_nothing_that_was_shut() -> None:
    shut = event("endpoint.opted_out", channel="email", how="link")
    state = told(
        shut, event("consent.given", purpose="marketing", channel="email", basis="implied", ground="purchase")
    )
    assert state.opted_out == {"email": "link"} and not state.permissions[0].is_express


def test_the_same_permission_again_is_one() -> None:
    yes = event("consent.given", purpose="marketing", channel="sms")
    assert len(told(yes, yes).permissions) == 1
    assert len(told(yes, event("consent.given", purpose="marketing", channel="email")).permissions) == 2


def test_a_check_is_of_the_number_that_was_checked() -> None:
    state = told(DESCRIBED, event("registry.checked", list="tps", listed=False))
    assert as_person(state).screened["tps"].listed is False
    fold_person(state, event("person.described", phone="+4930999999")._replace(time=MONDAY + 9 * HOUR))
    assert as_person(state).screened == {}


def test_a_preference_is_taken_back_with_its_own_word() -> None:
    pause = event("preference.stated", kind="pause", value="2026-04-01", ask_again="2026-03-20")
    assert told(pause).preferences[0].ask_again is not None
    assert told(pause, event("preference.stated", kind="pause", value="no longer")).preferences == []
