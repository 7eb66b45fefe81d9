"""Mails that come in, read whatever they hold: by people, by machines, and by whoever means harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.channels.incoming_mail import MOST_KEPT, forwarded, mail_of, own_words

THREAD = """Awesome, thank you!

Anna

Am Mo., 2. März 2026 um 09:12 Uhr schrieb Jonas Lindner <jonas@x.example>:

> Guten Tag,
> es tut mir leid.
"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (THREAD, "Awesome, thank you!\n\nAnna"),
        ("On it!\n\nOn Mon, Mar 2, 2026 at 9:12 AM Jonas <j@x.example>\nwrote:\n\n> hi", "On it!"),
        (
            "Please stop.\n\n-----Original Message-----\nFrom: Jonas\nSent: Monday\nTo: Anna\nSubject: x\n\nHello",
            "Please stop.",
        ),
        ("> hi\n\nmy answer is below", "my answer is below"),
        ("Merci !\n\nLe lun. 2 mars 2026 à 09:12, Jonas <j@x.example> a écrit :\n\n> Bonjour", "Merci !"),
        ("Just words", "Just words"),
        ("", ""),
        ("> only what they quote", "> only what they quote"),
    ],
)
def test_quoted_text_is_taken_off_and_something_is_left(text: str, words: str) -> None:
    assert own_words(text) == words
    assert own_words(text.replace("\n", "\r\n")) == words


def test_a_long_letter_without_quotes_stays_whole() -> None:
    letter = "Dear Jonas, this is what happened. " * 500
    assert own_words(letter) == letter.strip()


@given(st.text(max_size=400))
def test_any_text_has_words(text: str) -> None:
    own_words(text)


FORM = {
    "from": "Anna Weber <Anna@Example.com>", "to": "Jonas <r-1-x@in.example>", "subject": "Re: hello", "text": THREAD,
    "envelope": '{"to":["r-1-x@in.example"],"from":"bounce@example.com"}', "dkim": "{@sendgrid.com : pass}",
    "headers": "Message-ID: <m1@example.com>\nReferences: <t1@x.example>\n <t2@x.example>\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
}  # fmt: skip


def test_a_mail_is_read_from_the_parts_that_are_to_be_believed() -> None:
    mail = mail_of(FORM)
    assert mail is not None
    assert (mail.sender, mail.name, mail.recipients) == (
        "anna@example.com",
        "Anna Weber",
        ("r-1-x@in.example",),
    )
    assert (mail.subject, mail.references) == ("Grüße", ("<t1@x.example>", "<t2@x.example>"))
    assert mail.text == "Awesome, thank you!\n\nAnna"
    assert not mail.automatic
    again = mail_of({**FORM, "text": "another body"})
    assert again is not None and again.id == mail.id


@pytest.mark.parametrize(
    "header", ["Auto-Submitted: auto-replied", "X-Autoreply: yes", "Precedence: auto_reply"]
)
def test_an_out_of_office_answer_is_known_by_its_own_word(header: str) -> None:
    mail = mail_of({**FORM, "headers": header})
    assert mail is not None and mail.automatic


@pytest.mark.parametrize(
    "change", [{"envelope": "not json"}, {"envelope": "[]"}, {"envelope": '{"to": 5}'}, {"headers": ""}]
)
def test_broken_parts_are_left_out(change: dict[str, str]) -> None:
    mail = mail_of({**FORM, **change})
    assert mail is not None and mail.sender == "anna@example.com"


def test_a_mail_without_a_sender_is_none() -> None:
    assert mail_of({"from": "nobody", "text": "hi"}) is None
    assert mail_of({}) is None


def test_a_mail_of_html_alone_is_read() -> None:
    mail = mail_of(
        {
            "from": "a@b.example",
            "html": "<style>x{}</style><p>Hello &amp; bye</p><blockquote>old</blockquote>",
        }
    )
    assert mail is not None and mail.text == "Hello & bye"


def test_a_forwarded_mail_names_whose_it_was() -> None:
    body = "fyi\n\n---------- Forwarded message ---------\nFrom: Anna Weber <anna@example.com>\nDate: Mon\nSubject: grill\nTo: <j@x.example>\n\nWhere is my grill?"
    mail = mail_of({"from": "j@x.example", "subject": "Fwd: grill", "text": body})
    assert mail is not None and forwarded(mail) == ("anna@example.com", "Where is my grill?")
    plain = mail_of({"from": "j@x.example", "subject": "grill", "text": body})
    assert plain is not None and forwarded(plain) == ("", "")


@given(
    st.dictionaries(
        st.sampled_from(["from", "to", "cc", "text", "html", "envelope", "headers", "subject"]),
        st.text(max_size=80),
    )
)
def test_no_form_raises(form: dict[str, str]) -> None:
    mail_of(form)


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("<html><head><title>x</title><style>p{}</style></head><body>Hi<br>you</body></html>", "Hi\nyou"),
        ("<head><title>x</title><body><p>Hi</p>", "Hi"),
        ("<p>2 &lt; 3 &amp; more</p><script>alert('<p>')</script>", "2 < 3 & more"),
        ("Hi<!-- <p>not this</p> --> there", "Hi there"),
        ("Hi<!-- never ends", "Hi"),
        ("one<!-- a -->two<!-- b", "onetwo"),
        ("<div>mine</div><div><blockquote>theirs</blockquote></div>after", "mine"),
        ("I <3 you, 1 < 2 <br>3", "I <3 you, 1 < 2\n3"),
        ("İİ<BR>mine<STYLE>p{}</Style>, too", "İİ\nmine, too"),
        ("<style>p{}", ""),
        ("Hi<", "Hi<"),
        ("Hi<b", "Hi"),
    ],
)
def test_only_the_words_of_html_are_read(markup: str, words: str) -> None:
    mail = mail_of({"from": "a@b.example", "html": markup})
    assert mail is not None and mail.whole == words


MUCH = 300_000
"""Characters. Whatever reads a stretch twice would read for minutes."""


@pytest.mark.parametrize(
    "piece", ["<!--", "<!", "<style", "<br", "<p>", "<blockquote", "</title", "<a b='", "&#", "<![CDATA["]
)
def test_html_of_any_kind_is_read_in_one_pass(piece: str) -> None:
    mail = mail_of({"from": "a@b.example", "html": piece * (MUCH // len(piece))})
    assert mail is not None and len(mail.whole) <= MOST_KEPT


@pytest.mark.parametrize(
    "piece",
    [" ", " \n", "\n", "\r\n", ">", "> ", "from", "From: ", "a: \n", "* ", "-", "wrote:\n", "_", "On ", "\t"],
)
def test_text_of_any_kind_is_read_in_one_pass(piece: str) -> None:
    text = "Yes.\n" + piece * (MUCH // len(piece)) + "From: " + " " * MUCH
    mail = mail_of({"from": "a@b.example", "subject": "Fwd: x", "text": text})
    assert mail is not None and len(mail.text) <= MOST_KEPT and mail.text.startswith("Yes.")
    forwarded(mail)


@pytest.mark.parametrize(
    "piece", ["(", "a@b.example,", "<", '"', "\\", "=?utf-8?q?", "[", ":", ";", "<x@y>", "=?"]
)
@pytest.mark.parametrize("header", ["From", "To", "Cc", "Subject", "References", "Message-ID", "X", ""])
def test_headers_of_any_kind_are_read_in_one_pass(header: str, piece: str) -> None:
    value = piece * (MUCH // len(piece))
    form = {
        "from": "a@b.example",
        "headers": f"{header}: {value}\n {value}",
        "envelope": f'{{"to": ["{value}"]}}',
    }
    mail = mail_of(form)
    assert mail is None or len(mail.subject) <= 500
    mail_of({"from": value, "to": value, "cc": value, "subject": value, "headers": value})


def test_comments_in_comments_are_no_address() -> None:
    assert mail_of({"from": "(" * 5000 + "a@b.example"}) is None


def test_what_stands_below_a_forwarded_heading_is_kept() -> None:
    body = "From: anna@example.com\nSubject: grill\nTo:\n\nQuestion: where is it?\nAnna"
    mail = mail_of({"from": "j@x.example", "subject": "WG: grill", "text": body})
    assert mail is not None and forwarded(mail) == ("anna@example.com", "Question: where is it?\nAnna")
