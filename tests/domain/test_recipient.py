"""Whom a step goes to: the first named role that somebody holds, else a human finds out."""

from __future__ import annotations

import pytest

from outreach.domain.facts import Channel, Person
from outreach.domain.recipient import account_identity, resolve
from outreach.domain.steps import Recipient
from tests.domain.makers import person

ANNA = person(id="anna", roles={"a1": ("buyer",)})
BEN = person(id="ben", roles={"a1": ("decision_maker", "payer"), "a2": ("buyer",)}, identity="ben-at-home")
NO_PHONE = person(id="cleo", phone=None, roles={"a1": ("buyer",)})
GONE = person(id="dora", roles={"a1": ("buyer",)}, erased=True)
NOBODY = Recipient(None, "account:a1", "jonas")


def whom(
    *roles: str,
    channel: Channel = Channel.CALL,
    hurt: Person | None = None,
    people: list[Person] | None = None,
) -> Recipient:
    known = [ANNA, BEN] if people is None else people
    return resolve(roles, channel, "a1", hurt, known, "jonas")


@pytest.mark.parametrize(
    ("roles", "hurt", "found"),
    [
        (["hurt_person"], BEN, "ben"),
        (["hurt_person"], None, "anna"),  # nobody named: the buyer
        (["decision_maker"], ANNA, "ben"),
        (["payer", "buyer"], None, "ben"),
        (["nurse", "buyer"], None, "anna"),  # the next in the list
        (["nurse"], None, "anna"),  # nobody is one: anybody known there
    ],
)
def test_the_first_named_role_that_somebody_holds(roles: list[str], hurt: Person | None, found: str) -> None:
    assert whom(*roles, hurt=hurt).person == found


def test_a_role_counts_only_at_this_account() -> None:
    assert whom("buyer", people=[BEN, ANNA]).person == "anna"


def test_one_who_can_be_reached_on_the_channel_comes_first() -> None:
    assert whom("buyer", people=[NO_PHONE, ANNA]).person == "anna"
    assert whom("buyer", people=[NO_PHONE, ANNA], channel=Channel.EMAIL).person == "cleo"
    assert whom("buyer", people=[NO_PHONE]).person == "cleo"  # on the desk all the same: a human finds out


def test_an_erased_person_is_never_chosen() -> None:
    assert whom("buyer", people=[GONE, ANNA]).person == "anna"
    assert whom("hurt_person", hurt=GONE, people=[GONE]) == NOBODY


def test_where_we_know_no_one_the_account_itself_gets_the_card() -> None:
    assert whom("hurt_person", people=[]) == NOBODY
    assert account_identity("a1") == "account:a1"


def test_a_task_for_the_owner_is_no_customers() -> None:
    assert whom("owner", channel=Channel.TASK) == NOBODY
    assert whom("hurt_person", channel=Channel.TASK).person == "anna"


def test_the_card_is_the_humans_whichever_of_their_selves_is_meant() -> None:
    assert whom("decision_maker") == Recipient("ben", "ben-at-home", "jonas")
