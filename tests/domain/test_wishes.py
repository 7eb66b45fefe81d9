"""What customers' words ask for, in the words they use."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outreach.domain.wishes import HELP, START, STOP, Asks, confirmation, wish_of


@pytest.mark.parametrize("word", sorted(STOP))
@pytest.mark.parametrize("as_typed", ["{}", " {} ", "{}!", "{}.", "\n{}\n"])
def test_a_single_word_stops_whatever_its_case(word: str, as_typed: str) -> None:
    for typed in (word, word.upper(), word.capitalize()):
        assert wish_of(as_typed.format(typed)).asks is Asks.STOP


@pytest.mark.parametrize("typed", ["STOP ALL", "opt-out", "Stop all.", "OPT OUT", "s t o p"])
def test_words_written_apart_are_the_same_word(typed: str) -> None:
    assert wish_of(typed).asks is Asks.STOP


@pytest.mark.parametrize(
    "text",
    [
        "Yes please call me",
        "Please call me at 16:00",
        "When does the grill come?",
        "The delivery has stopped at the border, what now?",
        "I had to stop the car to read this, thank you",
        "Can you help me with the order?",
        "Don't worry, all is well now",
        "End of March is fine",
        "Das hilft mir nicht weiter.",
        "Rufen Sie mich bitte an.",
        "Ich habe noch keine Nachricht vom Lager, rufen Sie an?",
        "Wann kommt die Lieferung? Bitte schreiben Sie mir.",
        "Merci de m’appeler demain",
        "Llámenme mañana, por favor",
        "No, that is not the right order",
        "",
        "👍",
    ],
)
def test_an_answer_is_an_answer(text: str) -> None:
    assert wish_of(text).asks is Asks.ANSWER


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("please stop writing to me", "written"),
        ("Stop sending me these emails.", "written"),
        ("I do not want any more e-mails from you", "written"),
        ("No more texts, please.", "written"),
        ("Unsubscribe me from this", "written"),
        ("please remove me from your list", "written"),
        ("Don't contact me again.", "all"),
        ("do not call me", "all"),
        ("Leave me alone!", "all"),
        ("Stop calling and writing", "all"),
        ("I don't want to hear from you", "all"),
        ("Bitte schreiben Sie mir nicht mehr.", "written"),
        ("Keine weiteren Mails bitte", "written"),
        ("Ich möchte keine Nachrichten mehr", "written"),
        ("Lassen Sie mich in Ruhe", "all"),
        ("Rufen Sie mich nicht mehr an!", "all"),
        ("Ne m'écrivez plus", "written"),
        ("Arrêtez de m’envoyer des messages", "written"),
        ("Laissez-moi tranquille", "all"),
        ("No me escriban más", "written"),
        ("Dejen de llamarme", "all"),
        ("Quiero darme de baja", "written"),
    ],
)
def test_a_refusal_in_free_words_is_heard(text: str, scope: str) -> None:
    assert wish_of(text) == (Asks.REFUSAL, scope)


def test_yes_starts_again_only_what_was_stopped() -> None:
    assert wish_of("Yes").asks is Asks.ANSWER
    assert wish_of("Yes", is_shut=True).asks is Asks.START
    assert wish_of("START").asks is Asks.START


@pytest.mark.parametrize(("said", "asks"), [("STOP", Asks.STOP), ("START", Asks.START), ("help", Asks.HELP)])
def test_the_carrier_s_own_reading_counts(said: str, asks: Asks) -> None:
    assert wish_of("whatever the text", said).asks is asks


@pytest.mark.parametrize("asks", [Asks.STOP, Asks.START, Asks.HELP])
@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "de-CH"])
def test_a_confirmation_names_the_company_and_fits_into_two_parts(asks: Asks, language: str) -> None:
    said = confirmation(asks, language, "Hearth & Home", "+49 30 23125 100")
    assert "Hearth & Home" in said
    assert len(said) <= 160 * 2


@given(st.text(max_size=3000), st.sampled_from(["", "STOP", "nonsense"]))
def test_any_text_has_a_wish(text: str, opt_out_type: str) -> None:
    assert wish_of(text, opt_out_type).asks in Asks


@given(
    st.sampled_from(sorted(STOP | START | HELP)),
    st.text(st.sampled_from("abc xyz"), min_size=41, max_size=90),
)
def test_a_word_within_a_sentence_is_no_command(word: str, rest: str) -> None:
    assert wish_of(f"{word} {rest}").asks not in (Asks.STOP, Asks.START, Asks.HELP)
