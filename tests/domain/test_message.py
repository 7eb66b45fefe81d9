"""Rendering: templates say what they are given, in people's words, and can do nothing else."""

from __future__ import annotations

import glob
import html
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.errors import OutreachError
from outreach.domain.facts import Channel, Severity
from outreach.domain.message import (
    CONTEXT_NAMES,
    Message,
    RenderFault,
    compile_template,
    html_of,
    names_used,
    pick_variant,
    render_brief,
    render_brief_text,
    render_message,
    render_sms,
    sms_parts,
)
from outreach.domain.message_text import GSM_BASIC, GSM_EXTENDED
from outreach.domain.message_tree import variant_of
from outreach.domain.message_values import MAX_LIST, MAX_OUTPUT, MAX_VALUE

ROOT = Path(__file__).resolve().parents[2]
CONTEXT: Mapping[str, Any] = {
    "account": {"id": "a1", "name": "Grill & Garten <GmbH>", "kind": "business", "tier": "gold", "value": 12000.0},
    "person": {"name": "Anna Berg", "first_name": "Anna", "greeting": "Frau Berg", "language": "en",
               "zone": "Europe/Berlin"},
    "am": {"name": "Jonas Weber", "phone": "+49 30 231 25 101", "email": "jonas@hearth-home.example"},
    "company": {"name": "Hearth & Home", "phone": "+49 30 231 25 100", "currency": "EUR", "zone": "Europe/Berlin",
                "postal_address": "Torstraße 100, 10119 Berlin"},
    "event": {"order_id": "o-17", "days_late": 3.0, "promised_for": "2026-03-06T13:30:00Z", "amount": 96.9,
              "reason": None, "on": "2026-03-06"},
    "failure": {"kind": "delivery", "severity": Severity.HIGH, "nth_90d": 2, "first_order": False},
    "promises": [
        {"what": "a new pallet", "until": datetime(2026, 3, 6, 11, 0, tzinfo=UTC), "state": "open"},
        {"what": "the freight back", "until": datetime(2026, 3, 9, 11, 0, tzinfo=UTC), "state": "kept"},
    ],
    "preferences": ["Call her after 14:00.", "Never on Mondays."],
    "run": {"attempts": 2, "round": 1},
    "others": ["A reorder is due."],
    "late_apology": False,
}  # fmt: skip


def said(text: str, context: Mapping[str, Any] = CONTEXT, **how: str) -> str:
    return render_brief_text(text, context, **how)  # type: ignore[arg-type]


def value(expression: str, **how: str) -> str:
    return said(f"({{{{ {expression} }}}})", **how)[1:-1]


# --- words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "english", "german"),
    [
        ("event.promised_for | day", "Friday, 6 March", "Freitag, 6. März"),
        ("event.promised_for | date", "6 March 2026", "6. März 2026"),
        ("event.promised_for | clock", "14:30", "14:30"),
        ("promises[0].until | clock", "12:00", "12:00"),
        ("event.on | day", "Friday, 6 March", "Freitag, 6. März"),
        ("event.on | clock", "", ""),
        ("event.amount | money", "€ 96.90", "96,90 €"),
        ("1234567.5 | money", "€ 1,234,567.50", "1.234.567,50 €"),
        ("(0 - 5) | money", "-€ 5.00", "-5,00 €"),
        ("5 | money('USD')", "$5.00", "5,00 $"),
        ("5 | money('GBP')", "£5.00", "5,00 £"),
        ("5 | money('CHF')", "CHF 5.00", "5,00 CHF"),
        ("1500.4 | money('JPY')", "JPY 1,500", "1.500 JPY"),
        ("event.days_late | days", "3 days", "3 Tage"),
        ("1 | days", "1 day", "1 Tag"),
        ("0 | days", "0 days", "0 Tage"),
        ("2.5 | days", "2.5 days", "2,5 Tage"),
        ("event.days_late", "3", "3"),
        ("2.5", "2.5", "2,5"),
        ("failure.first_order", "no", "nein"),
        ("promises[0].until", "6 March 2026, 12:00", "6. März 2026, 12:00"),
        ("event.reason | day", "", ""),
        ("event.reason | date", "", ""),
        ("event.reason | clock", "", ""),
        ("event.reason | money", "", ""),
        ("event.reason | days", "", ""),
        ("event.reason", "", ""),
        ("event.reason | upper", "", ""),
        ("failure.severity", "high", "high"),
    ],
)
def test_days_hours_and_money_are_said_as_people_say_them(expression: str, english: str, german: str) -> None:
    assert value(expression, language="en") == english
    assert value(expression, language="de-AT") == german


@pytest.mark.parametrize(
    ("zone", "day", "clock"),
    [("Europe/Berlin", "Friday, 6 March", "14:30"), ("America/Los_Angeles", "Friday, 6 March", "05:30"),
     ("Pacific/Auckland", "Saturday, 7 March", "02:30"), ("Asia/Kolkata", "Friday, 6 March", "19:00")],
)  # fmt: skip
def test_instants_are_said_in_the_persons_zone(zone: str, day: str, clock: str) -> None:
    assert (
        said("{{ event.promised_for | day }}, {{ event.promised_for | clock }}", zone=zone)
        == f"{day}, {clock}"
    )
    person = {**CONTEXT, "person": {"zone": zone}}
    assert said("{{ event.promised_for | clock }}", person) == clock


def test_both_sides_of_a_change_of_the_clocks_are_right() -> None:
    for utc, local in (("2026-03-29T00:59:00Z", "01:59"), ("2026-03-29T01:00:00Z", "03:00"),
                       ("2026-10-25T00:30:00Z", "02:30"), ("2026-10-25T01:30:00Z", "02:30")):  # fmt: skip
        assert said("{{ said | clock }}", {**CONTEXT, "said": utc}) == local


@pytest.mark.parametrize(
    ("expression", "what"),
    [
        ("'soon' | day", "no day"), ("'2026-13-01' | day", "no day"), ("'2026-03-06T10:00:00' | clock", "offset"),
        ("3 | day", "no day"), ("'much' | money", "no number"), ("1e300 | days", "out of bounds"),
        ("true | days", "not a number"), ("promises | day", "one value"), ("promises", "a list"),
        ("event", "a list or a record"), ("loop", "loop"), ("event.days_late / 0", "zero"),
        ("event.reason > 3", "missing"), ("event.reason + 1", "numbers only"), ("'a' + 'b'", "numbers only"),
        ("true + 1", "numbers only"), ("3 | day", "no day"), ("person.frist_name", "frist_name"), ("evnt.x", "evnt"),
        ("promises[7].what", "item"), ("promises | join", "one value"), ("999999999999999 * 9", "out of bounds"),
        ("'x' | replace('', 'y')", "replace"), ("3 | round(99)", "places"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_a_fault_with_its_line(expression: str, what: str) -> None:
    with pytest.raises(RenderFault) as caught:
        said("First line.\n\nThird: {{ " + expression + " }}", name="x/call.md")
    assert (caught.value.path, caught.value.line) == ("x/call.md", 3)
    assert what in caught.value.what
    assert isinstance(caught.value, OutreachError)


def test_an_unknown_zone_is_a_fault() -> None:
    with pytest.raises(RenderFault, match="no time zone"):
        said("{{ event.promised_for | day }}", zone="Europe/Atlantis")
    with pytest.raises(RenderFault, match="no time zone"):
        said("{{ event.promised_for | day }}", zone="../../etc/passwd")


def test_a_fault_tells_nothing_about_the_customer() -> None:
    context = {**CONTEXT, "said": "Anna Berg, +4930123456"}
    for text in (
        "{{ said | day }}",
        "{{ said | money }}",
        "{{ said + 1 }}",
        "{{ said / 2 }}",
        "{{ person.x }}",
        "{{ said > 3 }}",
        "{% for x in said %}{% endfor %}",
        "{{ said.x }}",
    ):
        with pytest.raises(RenderFault) as caught:
            said(text, context)
        assert "Anna" not in str(caught.value)
        assert "+49" not in str(caught.value)


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("person.name | upper", "ANNA BERG"), ("person.name | lower", "anna berg"), ("'anna' | capitalize", "Anna"),
        ("'anna berg' | title", "Anna Berg"), ("' x ' | trim", "x"), ("preferences | length", "2"),
        ("promises | count", "2"), ("promises | first | day if false else 'x'", "x"), ("(promises | last).what", "the freight back"),
        ("preferences | join(' ')", "Call her after 14:00. Never on Mondays."),
        ("promises | join('; ', 'what')", "a new pallet; the freight back"),
        ("promises | join(', ', attribute='until')", "6 March 2026, 12:00, 9 March 2026, 12:00"),
        ("event.reason | default('unknown')", "unknown"), ("event.nothing | default('unknown')", "unknown"),
        ("'' | default('none')", "none"), ("0 | default(7)", "0"), ("'a_b_c' | replace('_', ' ')", "a b c"),
        ("2.567 | round(1)", "2.6"), ("2.5 | round", "2"), ("event.reason | round", ""),
        ("'one two three four' | truncate(12)", "one two…"), ("'short' | truncate(12)", "short"),
        ("event.reason is none", "yes"), ("event.nothing is defined", "no"), ("2 is even and 3 is odd", "yes"),
        ("'high' if event.days_late >= 2 else 'low'", "high"), ("account.tier in ['gold', 'silver']", "yes"),
        ("not late_apology", "yes"), ("(event.days_late + 1) * 2 - 1", "7"), ("7 // 2", "3"), ("-event.days_late", "-3"),
        ("person['name']", "Anna Berg"), ("preferences[0]", "Call her after 14:00."), ("preferences[-1][:5]", "Never"),
        ("said", ""), ("person.greeting or person.name", "Frau Berg"), ("promises[1].kept", "yes"),
        ("promises[0].kept", "no"), ("[] | length", "0"), ("event.reason | length", "0"), ("[] | first", ""),
    ],
)  # fmt: skip
def test_the_small_language_is_enough(expression: str, result: str) -> None:
    assert value(expression) == result


def test_loops_and_branches() -> None:
    text = (
        "{% if promises %}\n**We promised**\n\n{% for promise in promises %}\n"
        "- {{ loop.index }}/{{ loop.length }} {{ promise.what }}, by {{ promise.until | day }}\n"
        "{% endfor %}\n{% else %}\nNothing.\n{% endif %}\n\n{% set n = 3 %}\n{{ n }} done."
    )
    assert said(text) == (
        "We promised\n\n- 1/2 a new pallet, by Friday, 6 March\n- 2/2 the freight back, by Monday, 9 March\n\n3 done."
    )
    assert said(text, {**CONTEXT, "promises": []}) == "Nothing.\n\n3 done."


def test_a_line_of_one_tag_leaves_no_empty_line_and_keeps_the_count_of_lines() -> None:
    assert said("One.\n  {% if run.attempts %}  \nTwo.\n{% endif %}\nThree.") == "One. Two. Three."
    assert said("One. {% if run.attempts %}Two.{% endif %}\n\nThree.") == "One. Two.\n\nThree."
    with pytest.raises(RenderFault) as caught:
        said("{% if run.attempts %}\n{% for p in promises %}\n{{ p.nothing }}\n{% endfor %}\n{% endif %}\n")
    assert caught.value.line == 3


def test_fields_named_like_python_methods_are_fields() -> None:
    names = ("items", "keys", "values", "get", "pop", "copy", "count", "index", "update")
    context = {**CONTEXT, "event": {name: f"v{name}" for name in names}}
    for name in names:
        assert said(f"{{{{ event.{name} }}}}", context) == f"v{name}"


# --- nothing else -----------------------------------------------------------------------------------

ESCAPES = [
    "{{ event.__class__ }}", "{{ ''.__class__ }}", "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ event['__class__'] }}", "{{ event['__cla' ~ 'ss__'] }}", "{{ event|attr('__class__') }}",
    "{{ event | attr('items') }}", "{{ ''['__class__'] }}", "{{ ().__class__.__base__ }}", "{{ [].__class__ }}",
    "{{ {}.__class__ }}", "{{ 0 .__class__ }}", "{{ none.__class__ }}", "{{ true.__class__ }}",
    "{{ event.items() }}", "{{ event.keys }}", "{{ event.get('order_id') }}", "{{ event.pop('order_id') }}",
    "{{ event.copy() }}", "{{ person.name.upper() }}", "{{ person.name.upper }}", "{{ person.name.format }}",
    "{{ '{0.__class__}'.format(event) }}", "{{ '{0}'.format_map(event) }}", "{{ '%s' | format(event) }}",
    "{{ '%s' % event }}", "{{ '%(x)s' % {'x': 1} }}", "{{ '{}'|format(1) }}", "{{ 'a' ~ 'b' }}",
    "{{ cycler }}", "{{ cycler.__init__.__globals__ }}", "{{ cycler('a').next() }}", "{{ joiner(',') }}",
    "{{ joiner.__init__.__globals__.os.popen('id').read() }}", "{{ lipsum() }}", "{{ lipsum.__globals__ }}",
    "{{ lipsum.__globals__['os'] }}", "{{ namespace }}", "{{ namespace(x=1) }}", "{{ namespace.__init__ }}",
    "{{ dict }}", "{{ dict(a=1) }}", "{{ range }}", "{{ range(10) }}", "{{ range(10**9) | length }}",
    "{{ self }}", "{{ self.__init__ }}", "{{ self._TemplateReference__context }}", "{{ config }}", "{{ request }}",
    "{{ g }}", "{{ url_for }}", "{{ get_flashed_messages.__globals__ }}", "{{ _state }}", "{{ _state.values }}",
    "{{ environment }}", "{{ context }}", "{{ caller() }}", "{{ super() }}", "{{ varargs }}", "{{ kwargs }}",
    "{{ __import__('os') }}", "{{ __builtins__ }}", "{{ open('/etc/passwd') }}", "{{ undefined_name }}",
    "{{ promises | map('upper') | list }}", "{{ promises | map(attribute='__class__') }}",
    "{{ promises | selectattr('__class__') }}", "{{ promises | groupby('what') }}", "{{ promises | sort(attribute='__class__') }}",
    "{{ promises | join(', ', attribute='__class__') }}", "{{ event | tojson }}", "{{ event | pprint }}",
    "{{ event | xmlattr }}", "{{ event | items }}", "{{ event | list }}", "{{ event | string }}", "{{ event | safe }}",
    "{{ 'x' | center(1000000000) }}", "{{ 'x' | indent(100000) }}", "{{ 'x' | wordwrap }}", "{{ 'x' | urlize }}",
    "{{ 'x' | bounded }}", "{{ promises | bounded }}", "{{ 'x' | filesizeformat }}", "{{ promises | random }}",
    "{{ 'a' * 1000000000 }}", "{{ 1000000000 * 'a' }}", "{{ [1] * 1000000000 }}", "{{ said * 1000000000 }}",
    "{{ 9 ** 9 }}", "{{ 9 ** 9 ** 9 }}", "{{ 7 % 2 }}", "{{ [event, event] }}", "{{ {'a': event} }}", "{{ (event, event) }}",
    "{% include '/etc/passwd' %}", "{% include 'other.md' %}", "{% include said %}", "{% include ['a', 'b'] %}",
    "{% include 'x.md' ignore missing %}", "{% extends 'base' %}", "{% import 'os' as os %}", "{% from 'os' import popen %}",
    "{% macro m() %}{% endmacro %}", "{% call m() %}{% endcall %}", "{% block b %}x{% endblock %}",
    "{% filter upper %}x{% endfilter %}", "{% set x %}{{ said }}{% endset %}", "{% set event.x = 1 %}",
    "{% set a, b = 1, 2 %}", "{% set ns.x = 1 %}", "{% set _state = 1 %}", "{% with a = 1 %}{% endwith %}", "{% do event.pop() %}",
    "{% autoescape false %}{% endautoescape %}", "{% trans %}x{% endtrans %}", "{% debug %}", "{% continue %}",
    "{% for x in promises recursive %}{{ loop(x) }}{% endfor %}", "{% for x in promises %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in promises %}{{ loop.__class__ }}{% endfor %}", "{% for x in promises %}{{ loop._iterable }}{% endfor %}",
    "{% for x in promises %}{{ loop.changed(x) }}{% endfor %}", "{% for x in promises %}{{ loop }}{% endfor %}",
    "{% for k, v in event.items() %}{{ k }}{% endfor %}", "{% for k in event %}{{ k }}{% endfor %}",
    "{% for c in person.name %}{{ c }}{% endfor %}", "{% for x in 5 %}{% endfor %}",
    "{{ event is mapping }}", "{{ event is callable }}", "{{ event is sameas event }}", "{{ 3 is divisibleby 0 }}",
    "{{ event is filter }}", "{{ person.name | upper(1) }}", "{{ person.name | day(*promises) }}", "{{ 1 | day(**event) }}",
    "{{ event.order_id", "{% if %}", "{{ }}", "{% endif %}", "{{ 1 | nofilter }}", "{{ 'a' 'b' if }}", "{{ \ue0000\ue001 }}",
    "text with a mark \ue0000\ue001", "{{ event.days_late(1) }}", "{{ event[event] }}", "{{ 'x'[event] }}",
    "{{ loop.index }}", "{{ " + "9" * 5000 + " }}", "{{ " + "(" * 2000 + "1" + ")" * 2000 + " }}",
    "{{ " + "not " * 500 + "true }}", "{{ " + "-" * 300 + "1 }}", "{{ 1" + " + 1" * 300 + " }}",
    "{% if true %}" * 200 + "{% endif %}" * 200, "{{ person" + ".x" * 300 + " }}", "{{ '' " + "| upper " * 300 + "}}",
    "x" * (64 * 1024 + 1), "{{1+1}}" * 9000,
]  # fmt: skip


@pytest.mark.parametrize("payload", ESCAPES, ids=lambda text: re.sub(r"\s+", " ", ascii(text)[:60]))
def test_no_escape(payload: str) -> None:
    with pytest.raises(RenderFault):
        said(payload)
    with pytest.raises(RenderFault):
        render_sms(payload, CONTEXT)


def test_there_are_enough_escapes() -> None:
    assert len(set(ESCAPES)) >= 150


class Account:
    secret = "key"

    def delete(self) -> None:
        raise AssertionError("called")


@pytest.mark.parametrize(
    "thing", [Account(), Account, len, lambda: 1, object(), b"x", timedelta(1), {1, 2}, iter([1])]
)
def test_only_plain_values_go_into_a_template(thing: object) -> None:
    for context in (
        {"account": {"x": thing}},
        {"others": [thing]},
        {"said": thing},
        {"account": {"x": [{"y": thing}]}},
    ):
        with pytest.raises(RenderFault, match="no plain value"):
            said("text", context)


def test_a_template_cannot_change_what_it_is_given() -> None:
    context = {**CONTEXT, "event": {"tags": ["a"], "inner": {"x": 1}}}
    said("{% set event = 3 %}{% for p in promises %}{% set p = 1 %}{% endfor %}{{ event }}", context)
    assert context["event"] == {"tags": ["a"], "inner": {"x": 1}}


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in others %}{% for b in others %}{{ said }}{% endfor %}{% endfor %}",
        "{% for a in others %}{% for b in others %}{% for c in others %}x{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in others %}{% for b in others %}xxxxxxx{% endfor %}{% endfor %}",
        "{% for a in others %}{% for b in others %}" + "{{''}}" * 2000 + "{% endfor %}{% endfor %}",
        "{% for a in others %}" + "{% for b in others %}{% endfor %}" * 200 + "{% endfor %}",
        "{{ others | join(said) }}",
        "{{ said | replace('x', said) }}",
        "{{ said | replace('x', 'xxxxxxxxxxxx') | replace('x', 'xxxxxxxxxxxxxxx') }}",
        "{% set a = 99999999 %}{% set a = a * a %}{{ a }}",
        "{{ said }}" * 20,
    ],
)
def test_no_template_keeps_the_machine_busy_or_fills_it(text: str) -> None:
    context = {**CONTEXT, "others": ["x"] * 1000, "said": "x" * 1_000_000}
    with pytest.raises(RenderFault):
        said(text, context)


def test_long_lists_and_values_are_cut_so_that_a_brief_is_always_there() -> None:
    context = {**CONTEXT, "others": [f"reason {n}" for n in range(1000)], "said": "x" * 100_000}
    assert said("{{ others | length }}", context) == str(MAX_LIST)
    assert said("{{ said }}", context) == "x" * (MAX_VALUE - 1) + "…"


@given(st.text(max_size=200))
def test_any_text_renders_or_is_a_fault(text: str) -> None:
    try:
        assert len(said(text)) <= MAX_OUTPUT
    except RenderFault:
        pass


PIECES = st.sampled_from([
    "{{", "}}", "{%", "%}", " if ", " for ", " in ", " endif ", " endfor ", "event", ".", "[", "]", "(", ")", "|", "day",
    "promises", "x", "'", '"', " + ", " * ", "9", "loop", " set ", " = ", "include", "__class__", "~", ",", "\n", "- ",
])  # fmt: skip


@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_template_renders_or_is_a_fault(text: str) -> None:
    try:
        said(text)
    except RenderFault:
        pass


# --- contexts ---------------------------------------------------------------------------------------


def test_known_names_that_are_missing_are_none_and_unknown_ones_are_faults() -> None:
    for name, fields in CONTEXT_NAMES.items():
        assert said(f"x{{{{ {name} if {name} is none else '' }}}}", {}) == "x"
        if name not in ("promises", "may_offer"):
            for one in fields:
                assert said(f"x{{{{ {name}.{one} }}}}", {}) == "x"
        with pytest.raises(RenderFault):
            said(f"{{{{ {name}.no_such_field_{name} }}}}", CONTEXT)


def test_names_used_are_dotted() -> None:
    text = (
        "{% if run.attempts and failure['first_order'] %}{{ event.days_late | days }}{{ said }}{% endif %}"
        "{% for p in promises %}{{ p.what }}{{ loop.index }}{% endfor %}{% set x = person.name %}{{ x }}"
        "{{ promises[0].until }}{{ preferences | join(company.name) }}"
    )
    assert names_used(text) == {
        "run.attempts", "failure.first_order", "event.days_late", "said", "promises", "promises.what", "person.name",
        "promises.until", "preferences", "company.name",
    }  # fmt: skip
    assert names_used("{% for event in others %}{{ event }}{% endfor %}{{ event.x }}") == {
        "others",
        "event.x",
    }
    with pytest.raises(RenderFault):
        names_used("{{ x")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), Decimal("NaN"), 10**400])
def test_numbers_that_are_none_say_nothing(number: Any) -> None:
    assert said("x{{ said }}", {"said": number}) == "x"


def test_decimals_days_and_control_characters() -> None:
    assert said("{{ said | money }}", {"said": Decimal("96.90")}) == "€ 96.90"
    assert said("{{ said | day }}", {"said": date(2026, 3, 6)}) == "Friday, 6 March"
    assert said("{{ said }}", {"said": "a\x00b\x1b[31mc\r\nd\ue000"}) == "ab[31mc\nd"


# --- files ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "name"),
    [("de", "a/sorry.de.md"), ("de-AT", "a/sorry.de-at.md"), ("de_AT", "a/sorry.de-at.md"), ("de-CH", "a/sorry.de.md"),
     ("DE", "a/sorry.de.md"), ("en", "a/sorry.md"), ("fr", "a/sorry.md"), ("", "a/sorry.md"), (None, "a/sorry.md"),
     ("..", "a/sorry.md"), ("de.md/../../x", "a/sorry.md")],
)  # fmt: skip
def test_a_person_gets_the_variant_of_their_language(language: str | None, name: str) -> None:
    templates = {"a/sorry.md": "en", "a/sorry.de.md": "de", "a/sorry.de-at.md": "at", "a/other.fr.md": "fr"}
    assert pick_variant(templates, "a/sorry.md", language) == (name, templates[name])


def test_a_template_that_is_not_there_is_a_fault() -> None:
    with pytest.raises(RenderFault, match="no such template"):
        pick_variant({"a.md": ""}, "b.md", "de")


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("sorry.de.md", "de"),
        ("a.b/sorry.md", None),
        ("x/sorry.de-AT.md", "de-AT"),
        ("sorry.md", None),
        ("", None),
    ],
)
def test_the_language_of_a_file_is_in_its_name(name: str, language: str | None) -> None:
    assert variant_of(name) == language


def test_days_are_said_in_the_language_of_the_text_not_of_the_reader() -> None:
    german = {**CONTEXT, "person": {"language": "de"}, "company": {"language": "en"}}
    text = "{{ event.on | day }}"
    assert said(text, german, name="sorry.md") == "Friday, 6 March"
    assert said(text, german, name="sorry.md", language="de") == "Friday, 6 March"
    assert said(text, german, name="sorry.de.md", language="en") == "Freitag, 6. März"
    assert said(text, german) == "Freitag, 6. März"


def test_a_template_may_include_the_playbooks_other_files() -> None:
    files = {
        "a/call.md": 'Hello.{% include "shared/more.md" %}',
        "a/call.de.md": 'Hallo.{% include "shared/more.md" %}',
        "shared/more.md": " More {{ event.order_id }}.{% if run.attempts %}{% include 'shared/deep.md' %}{% endif %}",
        "shared/more.de.md": " Mehr.",
        "shared/deep.md": " Deep.\n\n{{ event.nothing }}",
    }
    with pytest.raises(RenderFault) as caught:
        render_brief_text(files["a/call.md"], CONTEXT, "a/call.md", files)
    assert (caught.value.path, caught.value.line) == ("shared/deep.md", 3)
    files["shared/deep.md"] = " Deep."
    assert render_brief_text(files["a/call.md"], CONTEXT, "a/call.md", files) == "Hello. More o-17. Deep."
    assert render_brief_text(files["a/call.de.md"], CONTEXT, "a/call.de.md", files) == "Hallo. Mehr."


@pytest.mark.parametrize(
    "files",
    [
        {"a.md": "{% include 'a.md' %}"},
        {"a.md": "{% include 'b.md' %}", "b.md": "{% include 'a.md' %}"},
        {"a.md": "{% include 'b.md' %}{% include 'b.md' %}", "b.md": "{% include 'c.md' %}" * 8, "c.md": "{% include 'd.md' %}" * 8, "d.md": "x"},
        {"a.md": "{% include 'b.md' %}", "b.md": "{{ event.__class__ }}"},
        {"a.md": "{% for x in others %}{% include 'b.md' %}{% endfor %}",
         "b.md": "{% for x in others %}{% for y in others %}{% endfor %}{% endfor %}"},
    ],
)  # fmt: skip
def test_includes_are_bounded_and_checked(files: dict[str, str]) -> None:
    with pytest.raises(RenderFault):
        render_brief_text(files["a.md"], CONTEXT, "a.md", files)


def test_compiled_templates_are_kept() -> None:
    assert compile_template("x", "text {{ said }}") is compile_template("x", "text {{ said }}")


# --- Markdown ---------------------------------------------------------------------------------------


def test_a_brief_becomes_html_and_text() -> None:
    text = (
        "## What broke\n\nOrder **{{ event.order_id }}** is *{{ event.days_late | days }}* late.\nStill `open`.\n\n"
        "1. Say sorry\n2. Ask\n   - calmly\n\n> {{ preferences[0] }}\n\n| a | b |\n|---|:-:|\n| {{ run.attempts }} | 2 |\n\n"
        "---\n\n[The order](https://shop.example/{{ event.order_id }}) or <{{ am.email }}>\n\n```\ncode {{ said }}\n```\n"
    )
    made = render_brief(text, CONTEXT)
    assert "<h2>What broke</h2>" in made
    assert "<strong>o-17</strong>" in made
    assert '<a href="https://shop.example/o-17">The order</a>' in made
    assert "style=" not in made
    assert render_brief_text(text, CONTEXT) == (
        "What broke\n\nOrder o-17 is 3 days late. Still open.\n\n1. Say sorry\n2. Ask\n   - calmly\n\n"
        "> Call her after 14:00.\n\na | b\n2 | 2\n\n--------------------\n\n"
        "The order (https://shop.example/o-17) or <jonas@hearth-home.example>\n\ncode"
    )


NASTY = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "[x](javascript:alert(1))",
    "![x](https://evil.example/pixel.png)", "<https://evil.example>", "# heading", "* item", "1. item", "> quote",
    "---", "```\ncode", "a\n\nb", "**bold**", "&lt;b&gt;", "{{ event }}", "{% if %}", "<svg/onload=alert(1)>",
    "`x`", "\\", "|a|b|\n|-|-|", "<!-- -->", "</p><p>", "[a]: https://evil.example", "\ue0001\ue001", "' onclick='x",
    "&#x3c;script&#x3e;", "~~x~~", "http://evil.example", "\t\tcode", "<a href='data:text/html,x'>",
]  # fmt: skip


@pytest.mark.parametrize("nasty", NASTY)
def test_what_people_typed_is_text_and_nothing_else(nasty: str) -> None:
    context = {**CONTEXT, "said": nasty}
    for text in ("{{ said }}", "They said: {{ said }}.", "- {{ said }}", "> {{ said }}", "# {{ said }}", "`{{ said }}`",
                 "**{{ said }}**", "[{{ said }}](https://ok.example)", "| {{ said }} |\n|---|\n| {{ said }} |",
                 "[ok]({{ said }})", '[ok](https://ok.example "{{ said }}")', "<{{ said }}>", "```{{ said }}\n{{ said }}\n```",
                 "[ok]: {{ said }}\n\n[ok]", "{{ said }}\n===="):  # fmt: skip
        made = render_brief(text, context)
        assert set(re.findall(r"</?([a-zA-Z0-9]+)", made)) <= {
            "p", "ul", "li", "blockquote", "h1", "code", "strong", "a", "table", "thead", "tbody", "tr", "th", "td",
            "pre", "br",
        }  # fmt: skip
        assert set(re.findall(r"<[^>]* ([a-z]+)=", made)) <= {"href"}
        for target in re.findall(r'href="([^"]*)"', made):
            assert target.startswith(("https:", "http:", "mailto:", "tel:"))
    plain = nasty.replace("\ue000", "").replace("\ue001", "")
    assert html.unescape(render_brief("({{ said }})", context)).replace("<br>\n", "\n") == f"<p>({plain})</p>"
    assert render_brief_text("({{ said }})", context) == f"({plain})"


@given(st.text(max_size=60))
def test_text_comes_through_unchanged(text: str) -> None:
    clean = "".join(
        sign for sign in text.replace("\r\n", "\n").replace("\r", "\n") if sign >= " " or sign in "\n\t"
    )
    clean = clean.replace("\ue000", "").replace("\ue001", "")
    assert render_brief_text("({{ said }})", {"said": text}) == f"({clean})"


@pytest.mark.parametrize(
    ("link", "shown"),
    [("[us](tel:+4930123)", "us (+4930123)"), ("[us](mailto:a@b.example)", "us (a@b.example)"),
     ("<https://a.example>", "https://a.example"), ("[https://a.example](https://a.example)", "https://a.example"),
     ("[x](javascript:alert)", "x"), ("[x](data:text/html,x)", "x"), ("[x](//evil.example)", "x"), ("[x](/local)", "x"),
     ("[{{ am.name }}](tel:{{ am.phone }})", "Jonas Weber (+493023125101)"),
     ("![alt](https://a.example/x.png)", "!alt (https://a.example/x.png)"), ("<b>x</b>", "<b>x</b>")],
)  # fmt: skip
def test_links_are_said_with_their_address(link: str, shown: str) -> None:
    assert said(link) == shown


# --- mails ------------------------------------------------------------------------------------------

MAIL = "Subject: Your order {{ event.order_id }}\n\nHello {{ person.name }},\n\nI am **sorry**.\n\n{{ am.name }}\\\n{{ am.phone }}\n"


def test_a_mail_has_a_subject_text_and_plain_html() -> None:
    subject, text, document = render_message(MAIL, CONTEXT, "sorry.md")
    assert subject == "Your order o-17"
    assert text == "Hello Anna Berg,\n\nI am sorry.\n\nJonas Weber\n+49 30 231 25 101"
    assert document.startswith('<!doctype html>\n<html lang="en">')
    assert "<p>I am <strong>sorry</strong>.</p>" in document
    assert "<p>Jonas Weber<br>\n+49 30 231 25 101</p>" in document.replace("<br />", "<br>")
    assert not re.search(r"<(img|link|script|style|table|iframe)|url\(|https?:", document)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Hello", "begins with its subject"), ("subject: x\n\ny", "begins with its subject"), ("Subject x\n\ny", "begins"),
        ("Subject:\n\ny", "empty"), ("Subject: {{ said }}\n\ny", "empty"), ("Subject: x\ny", "empty line"),
        ("Subject: " + "x" * 300 + "\n\ny", "250"),
    ],
)  # fmt: skip
def test_a_mail_without_a_proper_subject_is_a_fault(text: str, what: str) -> None:
    with pytest.raises(RenderFault, match=what):
        render_message(text, CONTEXT)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028", "\u2029", "\x85", "\t"])
def test_nobody_writes_headers_of_their_own(end: str) -> None:
    bad = f"x{end}Bcc: all@example.com"
    with pytest.raises(RenderFault, match="line end"):
        render_message("Subject: {{ said }}\n\ny", {**CONTEXT, "said": bad})
    for name in ("to", "to_name", "sender", "sender_address", "subject"):
        with pytest.raises(RenderFault, match=name):
            Message(**{**HEADERS, name: bad})


HEADERS: dict[str, Any] = {
    "channel": Channel.EMAIL, "to": "a@b.example", "to_name": "A", "sender": "J", "sender_address": "j@c.example",
    "text": "two\nlines", "subject": "s",
}  # fmt: skip


def test_a_message_without_line_ends_in_its_headers_is_fine() -> None:
    assert Message(**HEADERS).text == "two\nlines"


def test_a_subject_may_be_set_up_and_chosen() -> None:
    text = "{% set word = 'late' %}\n\nSubject: {% if run.attempts %}We rang: {% endif %}{{ word }} & <b>\n\nbody"
    assert render_message(text, CONTEXT)[0] == "We rang: late & <b>"


def test_an_edited_text_gets_its_html() -> None:
    document = html_of("Hello <Anna>,\n\nline one\nline two\n\n\n", "de")
    assert 'lang="de"' in document
    assert "<p>Hello &lt;Anna&gt;,</p>\n<p>line one<br>\nline two</p>" in document


# --- SMS --------------------------------------------------------------------------------------------


def test_an_sms_is_plain_and_short() -> None:
    text = "Hello {{ person.first_name }}…\n\n{% if run.attempts %}\nI’m “sorry” – it’s  late.\n{% endif %}\n  {{ am.name }}\n"
    assert render_sms(text, CONTEXT) == "Hello Anna...\nI'm \"sorry\" - it's late.\nJonas Weber"


def test_an_empty_sms_is_a_fault() -> None:
    with pytest.raises(RenderFault, match="empty"):
        render_sms(" {{ said }}\n", CONTEXT)


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("", "GSM-7", 1), ("a" * 160, "GSM-7", 1), ("a" * 161, "GSM-7", 2), ("a" * 306, "GSM-7", 2), ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1), ("€" * 81, "GSM-7", 2), ("a" * 151 + "€" + "a" * 153, "GSM-7", 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 3), ("Straße äöüÄÖÜ", "GSM-7", 1), ("ć" * 70, "UCS-2", 1),
        ("ć" * 71, "UCS-2", 2), ("ć" * 134, "UCS-2", 2), ("ć" * 135, "UCS-2", 3), ("😀" * 35, "UCS-2", 1),
        ("😀" * 36, "UCS-2", 2), ("😀" * 66, "UCS-2", 2), ("😀" * 67, "UCS-2", 3), ("`", "UCS-2", 1), ("ç", "UCS-2", 1),
    ],
)  # fmt: skip
def test_parts_are_counted_as_they_are_billed(text: str, encoding: str, parts: int) -> None:
    assert sms_parts(text) == (encoding, parts)


def test_the_gsm_alphabet_is_whole() -> None:
    assert len(GSM_BASIC) == 127  # and the escape to the extension
    assert len(GSM_EXTENDED) == 10
    assert not GSM_BASIC & GSM_EXTENDED


# --- the project's own templates -----------------------------------------------------------------------

FILES = {
    path.removeprefix(f"{ROOT}/templates/"): Path(path).read_text(encoding="utf-8")
    for path in sorted(glob.glob(f"{ROOT}/templates/**/*.md", recursive=True))
}


@pytest.mark.parametrize("name", FILES)
def test_every_template_of_the_project_compiles(name: str) -> None:
    compile_template(name, FILES[name], tuple(sorted(FILES.items())))


@pytest.mark.parametrize("name", FILES)
def test_every_template_says_only_known_names(name: str) -> None:
    for used in names_used(FILES[name]):
        place, _, rest = used.partition(".")
        assert place in CONTEXT_NAMES, used
        assert place == "event" or not rest or rest in CONTEXT_NAMES[place], used


@pytest.mark.parametrize("name", FILES)
def test_every_template_can_be_said_with_all_and_with_nothing(name: str) -> None:
    """Parts that others include need not say anything by themselves."""
    texts = [FILES[name], *(text for each, text in FILES.items() if each.startswith("shared/"))]
    used = {each for text in texts for each in names_used(text)}
    fields = {each.removeprefix("event.") for each in used if each.startswith("event.")}
    event = dict.fromkeys(fields)
    render = render_message if FILES[name].startswith("Subject:") else render_brief_text
    for context in ({**CONTEXT, "event": event}, {"event": event}):
        said = render(FILES[name], context, name, FILES)  # type: ignore[operator]
        assert said or name.startswith("shared/")
