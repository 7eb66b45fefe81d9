"""Logs: one line per event, nothing personal in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from outreach.logs import LONGEST, MASK, PERSONAL_KEYS, mask_personal, mask_text, set_up_logs


@pytest.fixture
def written() -> Iterator[Callable[..., str]]:
    """Sets logging up on a stream, lets something happen, and gives what was written."""
    logger = logging.getLogger()
    before = (logger.handlers[:], logger.level)

    def run(happen: Callable[[], object], log_format: str = "json", level: str = "info") -> str:
        stream = io.StringIO()
        set_up_logs(log_format, level, stream)
        happen()
        return stream.getvalue()

    yield run
    logger.handlers[:], _ = before
    logger.setLevel(before[1])
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_an_entry_is_one_json_line(written: Callable[..., str]) -> None:
    line = written(
        lambda: structlog.get_logger("sweep").info("touch.sent", touch="t1", attempt=2, account="a1")
    )
    entry = json.loads(line)
    assert line.count("\n") == 1
    assert (entry["event"], entry["touch"], entry["attempt"], entry["account"]) == (
        "touch.sent",
        "t1",
        2,
        "a1",
    )
    assert (entry["level"], entry["logger"]) == ("info", "sweep")
    assert entry["timestamp"].endswith("Z")


def test_an_entry_is_one_text_line(written: Callable[..., str]) -> None:
    line = written(lambda: structlog.get_logger().warning("touch.held", because="quiet_hours"), "text")
    assert line.rstrip().endswith("warning  touch.held because=quiet_hours")


def test_the_standard_librarys_logging_goes_the_same_way(written: Callable[..., str]) -> None:
    entry = json.loads(
        written(lambda: logging.getLogger("lib").error("no answer from %s", "anna@example.com"))
    )
    assert (entry["event"], entry["level"], entry["logger"]) == (f"no answer from {MASK}", "error", "lib")


def test_levels_are_kept(written: Callable[..., str]) -> None:
    assert written(lambda: structlog.get_logger().info("quiet"), level="warning") == ""
    assert written(lambda: logging.getLogger("x").debug("quiet"), level="info") == ""


def test_what_was_bound_for_a_request_is_in_every_line(written: Callable[..., str]) -> None:
    def happen() -> None:
        structlog.contextvars.bind_contextvars(request="r1")
        structlog.get_logger().info("one")

    assert json.loads(written(happen))["request"] == "r1"


@pytest.mark.parametrize("key", sorted(PERSONAL_KEYS))
def test_personal_keys_are_masked_at_any_depth(written: Callable[..., str], key: str) -> None:
    line = written(
        lambda: structlog.get_logger().info("x", **{key.upper(): "Anna"}, inner=[{key: {"a": "Berg"}}])
    )
    assert "Anna" not in line
    assert "Berg" not in line


ADDRESSES = ["anna@example.com", "anna.berg+x@mail.example.co.uk", "änna@müller.de", "anna%40example.com"]
PHONES = ["+4930123456", "+49 30 123 456-7", "+1 (415) 555-0100", "0049 30 1234567", "030 1234567", "(030) 123 45 67",
          "0170/1234567", "01701234567", "415-555-0100", "(415) 555 0100", "%2B4930123456"]  # fmt: skip


@pytest.mark.parametrize("personal", ADDRESSES + PHONES)
@pytest.mark.parametrize(
    "around", ["{}", "to {} failed", "<{}>", "('{}',)", '{{"x": "{}"}}', "{}, {}", "a={}\nb={}"]
)
def test_addresses_and_numbers_are_masked_wherever_they_are(personal: str, around: str) -> None:
    masked = mask_text(around.replace("{{", "{").replace("}}", "}").replace("{}", personal))
    assert personal not in masked
    assert MASK in masked


@pytest.mark.parametrize(
    "text",
    ["2026-03-06T12:00:00.123456Z", "01hzx3y8q2v9w7t5r3p1n0m8k6", "late-delivery", "3.14159265358979", "10000000",
     "sqlite:///var/outreach.db", "127.0.0.1:8000", "o-2026-03-000123", "delivery/o-1", "1772798400", "c0ffee0123456789",
     "a@b", "1,234,567.89", "00:15:30"],
)  # fmt: skip
def test_ids_times_and_numbers_stay_readable(text: str) -> None:
    assert mask_text(text) == text


def test_a_traceback_is_kept_and_masked(written: Callable[..., str]) -> None:
    def happen() -> None:
        try:
            raise ValueError("no such person: anna@example.com, +4930123456")
        except ValueError:
            structlog.get_logger().exception("failed")

    for log_format in ("json", "text"):
        said = written(happen, log_format)
        assert "ValueError: no such person" in said
        assert "anna@" not in said
        assert "+4930" not in said


def test_an_outsiders_text_cannot_write_lines_of_its_own(written: Callable[..., str]) -> None:
    nasty = "x\n2026-01-01T00:00:00Z error    all is lost\r\x1b[31m\u2028"
    for log_format in ("json", "text"):
        assert written(lambda: structlog.get_logger().info("seen", source=nasty), log_format).count("\n") == 1
    assert "\x1b" not in written(lambda: structlog.get_logger().info("seen", source=nasty), "text")


def test_long_and_deep_values_are_cut() -> None:
    deep: object = "anna@example.com"
    for _ in range(50):
        deep = [deep]
    entry = mask_personal(None, "info", {"a": "x" * 100_000, "deep": deep, "odd": object(), "set": {1}})
    assert len(str(entry["a"])) <= LONGEST + 1
    assert "anna" not in str(entry)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part)
    )
)
def test_anything_can_be_logged(value: object) -> None:
    entry = mask_personal(None, "info", {"value": value})
    assert set(entry) == {"value"}


@given(st.from_regex(r"[a-z]{1,10}@[a-z]{1,10}\.[a-z]{2,5}", fullmatch=True), st.text(), st.text())
def test_no_address_survives(address: str, before: str, after: str) -> None:
    assert address not in mask_text(f"{before} {address} {after}")
