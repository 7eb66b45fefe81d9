"""Judging conditions: ours, with three answers and typed, beside what one would write by hand, and rule-engine.

Fifty conditions of three clauses over six event types. Ours runs the very functions that intake runs. By
hand: one generated function per type that knows no missing values and checks no types. rule-engine:
one typed rule per condition, chosen by type. All three must give the same answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from outreach.domain.conditions import Scope
from outreach.domain.evaluate import Fused
from outreach.domain.history import History
from outreach.lab.bench_rig import Case, Goal, Line, Say, Times, alternate, compare, missing
from outreach.lab.bench_world import KINDS, START, Clauses, bench_rules, conditions, stream

TO_HAND = Goal(1.5)
TO_RULE_ENGINE = Goal(30, at_least=True)
_TIERS = ("gold", "silver", "basic")
_COUNTRIES = ("DE", "US", "FR")


def bench_conditions(quick: bool, say: Say) -> list[Line]:
    count, rounds = (2_000, 2) if quick else (50_000, 7)
    say(f"{count:,} events, 50 conditions, {rounds} rounds")
    scopes = _scopes(count)
    ours, hand, engine = bench_rules().fused, _by_hand(), _by_rule_engine()
    _agree(scopes[:2_000], ours, hand, engine)
    cases: dict[str, Case] = {
        "ours": lambda: lambda: _judge_ours(ours, scopes),
        "hand": lambda: lambda: _judge_by_hand(hand, scopes),
    }
    times = alternate(cases, rounds, count)
    lines = [_line("a function written by hand", times["ours"], times["hand"], TO_HAND)]
    if engine is None:
        note = "rule-engine is not installed; it comes with `pip install outreach[dev]`"
        return [*lines, missing("conditions", "rule-engine", "ours", note, TO_RULE_ENGINE)]
    return [*lines, _beside_rule_engine(ours, engine, scopes, quick, say)]


def _line(against: str, ours: Times, theirs: Times, goal: Goal) -> Line:
    return compare("conditions", "judged by the playbooks of its type", against, ours, theirs, goal=goal)


def _scopes(count: int) -> list[tuple[str, Scope]]:
    """Events with accounts: as intake hands them over, but for facts that nobody asks for."""
    nothing: Mapping[str, Any] = {}
    return [
        (
            event["type"],
            Scope(
                event=event["data"],
                account={"tier": _TIERS[n % 3], "country": _COUNTRIES[n // 3 % 3]},
                rhythm=nothing, person=nothing, failure=nothing, run=nothing, history=History({}), at=START,
            ),
        )
        for n, event in enumerate(stream(count, 1))
    ]  # fmt: skip


def _judge_ours(fused: Mapping[str, Fused], scopes: Sequence[tuple[str, Scope]]) -> None:
    for type_, scope in scopes:
        fused[type_](scope)


def _judge_by_hand(judges: Mapping[str, Any], scopes: Sequence[tuple[str, Scope]]) -> None:
    for type_, scope in scopes:
        judges[type_](scope.event, scope.account)


# -- by hand -----------------------------------------------------------------------------------------


def _by_hand() -> dict[str, Any]:
    """Per type one function of plain comparisons, as quick as Python is."""
    made = {}
    for kind in KINDS:
        mine = [clauses for clauses in conditions() if clauses.kind is kind]
        tests = ", ".join(
            f"n >= {one.least!r} and t == {one.tier!r} and c != {one.country!r}" for one in mine
        )
        source = (
            f"def judge(event, account):\n    n = event[{kind.number!r}]\n"
            f'    t = account["tier"]\n    c = account["country"]\n    return [{tests}]\n'
        )
        space: dict[str, Any] = {}
        exec(source, space)
        made[kind.type] = space["judge"]
    return made


# -- rule-engine -------------------------------------------------------------------------------------

Rules = Mapping[str, Sequence[Any]]


def _by_rule_engine() -> Rules | None:
    """Per type its rules, typed; None where it is not installed."""
    try:
        rule_engine: Any = import_module("rule_engine")
    except ImportError:
        return None
    types = {kind.number: rule_engine.DataType.FLOAT for kind in KINDS}
    types |= dict.fromkeys(("tier", "country"), rule_engine.DataType.STRING)
    context = rule_engine.Context(type_resolver=rule_engine.type_resolver_from_dict(types))
    made: dict[str, list[Any]] = {kind.type: [] for kind in KINDS}
    for clauses in conditions():
        made[clauses.kind.type].append(rule_engine.Rule(_its_words(clauses), context=context))
    return made


def _its_words(clauses: Clauses) -> str:
    return (
        f'{clauses.kind.number} >= {clauses.least!r} and tier == "{clauses.tier}"'
        f' and country != "{clauses.country}"'
    )


def _things(scopes: Sequence[tuple[str, Scope]]) -> list[tuple[str, dict[str, Any]]]:
    return [(type_, {**scope.event, **scope.account}) for type_, scope in scopes]


def _beside_rule_engine(
    ours: Mapping[str, Fused], engine: Rules, scopes: Sequence[tuple[str, Scope]], quick: bool, say: Say
) -> Line:
    few = scopes[:500] if quick else scopes[:5_000]
    things = _things(few)
    say("rule-engine")

    def judged() -> None:
        for type_, thing in things:
            for rule in engine[type_]:
                rule.matches(thing)

    again = 20
    many = [*few] * again  # ours is so much quicker that one pass would be too short to time
    cases: dict[str, Case] = {
        "ours": lambda: lambda: _judge_ours(ours, many),
        "rule-engine": lambda: judged,
    }
    times = alternate(cases, 2 if quick else 3, len(few))
    mine = Times([t / again for t in times["ours"].cpu], [t / again for t in times["ours"].wall])
    return compare(
        "conditions", "so many times faster than", "rule-engine 5, typed", mine, times["rule-engine"],
        goal=TO_RULE_ENGINE, upside_down=True,
    )  # fmt: skip


def _agree(
    scopes: Sequence[tuple[str, Scope]],
    ours: Mapping[str, Fused],
    hand: Mapping[str, Any],
    engine: Rules | None,
) -> None:
    for (type_, scope), (_, thing) in zip(scopes, _things(scopes), strict=True):
        answer = list(ours[type_](scope))
        others = [hand[type_](scope.event, scope.account)]
        if engine is not None:
            others.append([rule.matches(thing) for rule in engine[type_]])
        if any(other != answer for other in others):
            raise RuntimeError(f"they do not agree about {thing}: {answer}, {others}")
