"""The reference of playbooks and the files beside them, made from the tables that the reader uses.

``outreach.lab.reference`` adds how stories are told, and writes the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from outreach.domain.conditions_names import FUNCTIONS
from outreach.domain.message import CONTEXT_NAMES
from outreach.domain.vocabulary import FACTS, ORDERED_FACTS, EventType, Field, FieldType, Vocabulary
from outreach.library.company import COMPANY
from outreach.library.examples import ASKED, AT, EVENT, KEYS, KNOWN, PAST
from outreach.library.groups import Group, Key, Many, Named
from outreach.library.kinds import Kind
from outreach.library.playbook_keys import BUILT_IN, KNOWN_WHOM, PLAYBOOK, STEPS
from outreach.library.templates import ONLY_BRIEFS
from outreach.library.text_examples import RENDERED
from outreach.library.tree import Node, Table, plain
from outreach.library.vocabulary import EVENT_TYPE
from outreach.library.yaml_reader import MAX_BYTES, MAX_DEPTH

MEANINGS = {
    "count": "how many such events there were in the window",
    "total": "the sum of the type's `amount` field over the window",
    "last": "a field of the newest such event",
    "days_since": "days since the newest such event",
    "seen": "whether there was such an event, with this value of the type's `key` field; `within` may be left out",
    "known": "whether there is a value at all; never *cannot tell*",
}
"""What each function answers."""


Path = tuple[tuple[str, Kind], ...]
"""The keys on the way to a group, each with its kind: a list of groups, one per name, or the group itself."""


def nested(group: Group, above: Path = ()) -> Iterator[tuple[Path, Group]]:
    """Every group that stands below a key of this one, at any depth."""
    for key in group.keys:
        inner = _group_of(key.kind)
        if inner is not None:
            path = (*above, (key.name, key.kind))
            yield path, inner
            yield from nested(inner, path)


def _group_of(kind: Kind) -> Group | None:
    if isinstance(kind, Group):
        return kind
    return _group_of(kind.kind) if isinstance(kind, Many | Named) else None


def reference(vocabulary: Vocabulary) -> str:
    """The page as Markdown, without its part about stories."""
    parts = [_HEAD, *_playbook(), *_shared(), *_expressions(), *_templates(), *_events(vocabulary), *_files()]
    return "\n".join(parts).rstrip("\n") + "\n"


def _playbook() -> Iterable[str]:
    yield from ("## A playbook", "", *group_table(PLAYBOOK, _example), *below([PLAYBOOK], _example))
    yield from ("## Steps", "", "Each step has exactly one of these.", "")
    for kind, group in STEPS.items():
        yield from (f"### `{kind}`", "", *group_table(group, _example))
    yield from below(STEPS.values(), _example)
    roles = ", ".join(f"`{word}`" for word in KNOWN_WHOM)
    yield from (
        "### Whom",
        "",
        f"{roles}, or any role that the source of record uses. A list is tried in order.",
        "",
    )


def below(groups: Iterable[Group], example: Callable[[Group, Key], str]) -> Iterable[str]:
    """A table for each group that stands below these, however deep; the same one once."""
    seen: list[Group] = []
    for path, group in (found for one in groups for found in nested(one)):
        if group not in seen:
            seen.append(group)
            name, kind = path[-1]
            yield from (f"### `{name}`", "", *_each(kind), *group_table(group, example))


def _each(kind: Kind) -> Iterable[str]:
    if isinstance(kind, Named):
        names = f" {_words(kind.names)}" if kind.names else ""
        yield from (f"Per {kind.what}{names}:", "")
    elif isinstance(kind, Many):
        yield from ("Each of the list:", "")


def _example(group: Group, key: Key) -> str:
    """As it stands in a file. A key without one has an empty cell, and a test says so."""
    said = KEYS.get(group.name, {}).get(key.name)
    return f"`{key.name}: {_cell(said)}`" if said else ""


def _shared() -> Iterable[str]:
    yield from ("## Defaults", "", _DEFAULTS, "", "```yaml built-in", *_yaml(BUILT_IN), "```", "")
    yield from ("## Durations", "", _DURATIONS, "")


def _yaml(table: Table) -> Iterable[str]:
    for layer, _, node in table:
        yield f"{layer}: {_flow(node)}"


def _flow(node: Node) -> str:
    if isinstance(node, Table):
        return "{" + ", ".join(f"{name}: {_flow(child)}" for name, _, child in node) + "}"
    value = plain(node)
    return "[" + ", ".join(map(str, value)) + "]" if isinstance(value, list) else str(value)


def _expressions() -> Iterable[str]:
    yield from ("## Expressions", "", _EXPRESSIONS, "", "| function | answers |", "|---|---|")
    yield from (f"| `{example}` | {MEANINGS[name]} |" for name, example in FUNCTIONS.items())
    yield from ("", "### Facts", "", "The last column is what each of them is in the examples below.", "")
    yield from ("| name | type | meaning | in the examples |", "|---|---|---|---|")
    yield from (
        f"| `{name}` | {_type(field)} | {_fact(name, field)} | {_value(KNOWN.get(name))} |"
        for name, field in FACTS.items()
    )
    yield from ("", "### Examples of expressions", "", *_asked())


def _asked() -> Iterable[str]:
    given = ", ".join(f"`{name}` is {_value(value)}" for name, value in EVENT.items() if name != "type")
    yield f"The event is a `{EVENT['type']}` of {AT[:10]}, its {given}; its other fields are missing. Before it there were:"
    yield from ("", "| days ago | event | with |", "|---|---|---|")
    for days, type_, data in PAST:
        yield f"| {days} | `{type_}` | {', '.join(f'`{name}` {_value(value)}' for name, value in data.items())} |"
    yield from ("", "| about | expression | answer |", "|---|---|---|")
    answers = {True: "true", False: "false", None: "*cannot tell*"}
    yield from (f"| `{one.about}` | `{_cell(one.text)}` | {answers[one.answer]} |" for one in ASKED)
    yield ""


def _value(value: object) -> str:
    if value is None:
        return "*missing*"
    return (
        str(value).lower()
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else f"{value}"
    )


def _fact(name: str, field: Field) -> str:
    values = " · ".join(f"`{value}`" for value in field.values)
    ordered = ", in this order: `<` and `>=` mean something" if name in ORDERED_FACTS else ""
    return _cell(field.doc) + (f" ({values}{ordered})" if values else "")


def _templates() -> Iterable[str]:
    yield from (
        "## Messages and briefs",
        "",
        _TEMPLATES,
        "",
        "| name | its fields | where |",
        "|---|---|---|",
    )
    for name, fields in CONTEXT_NAMES.items():
        where = "call briefs" if name in ONLY_BRIEFS else "everywhere"
        more = " and the fields of the playbook's event types" if name == "event" else ""
        yield f"| `{name}` | {_words(fields)}{more} | {where} |"
    yield from ("", "### Filters and tests", "", "| about | written | says |", "|---|---|---|")
    yield from (f"| `{one.about}` | `{_cell(one.template)}` | {_cell(one.says)} |" for one in RENDERED)
    yield ""


def _events(vocabulary: Vocabulary) -> Iterable[str]:
    yield from ("## Event types", "", "Bold fields are required.", "")
    for name, kind in sorted(vocabulary.types.items()):
        yield from (f"### `{name}`", "", _about(kind), "")
        if kind.fields:
            yield from ("| field | type | meaning |", "|---|---|---|", *map(_field, kind.fields.values()), "")


def _about(kind: EventType) -> str:
    said = [f"{kind.title}.", kind.doc]
    if kind.failure:
        said.append(
            f"A failure: `{kind.failure.kind}` by `{kind.failure.key}`, {kind.failure.severity.word}."
        )
    if kind.time_rule:
        said.append(
            f"Made by time after {_words(kind.time_rule.starts)}, until {_words(kind.time_rule.until)}."
        )
    elif kind.internal:
        said.append("Made by Outreach itself.")
    if kind.key or kind.amount:
        columns = [
            f"`{column}` is `{name}`" for column, name in (("key", kind.key), ("amount", kind.amount)) if name
        ]
        said.append(f"In windows, {' and '.join(columns)}.")
    if kind.feed:
        said.append(f"In the feed, with {_words(kind.feed)}.")
    return " ".join(part for part in said if part)


def _field(field: Field) -> str:
    name = f"**`{field.name}`**" if field.required else f"`{field.name}`"
    values = " (" + " · ".join(f"`{value}`" for value in field.values) + ")" if field.values else ""
    personal = " Personal." if field.personal else ""
    return f"| {name} | {_type(field)} | {_cell(field.doc)}{values}{personal} |"


def _type(field: Field) -> str:
    words = {FieldType.BOOLEAN: "true or false", FieldType.INTEGER: "whole number"}
    return words.get(field.type, field.type.value) + (f", {field.unit}" if field.unit else "")


def _files() -> Iterable[str]:
    yield from ("## vocabulary.yaml", "", "Per event type:", "", *group_table(EVENT_TYPE, _example))
    yield from below([EVENT_TYPE], _example)
    yield from ("## company.yaml", "", *group_table(COMPANY, _example), *below([COMPANY], _example))


def group_table(group: Group, example: Callable[[Group, Key], str]) -> Iterable[str]:
    yield from ("| key | what to write | default | meaning | for example |", "|---|---|---|---|---|")
    for key in group.keys:
        default = "**required**" if key.required else _cell(key.default)
        words = _cell(key.kind.words)
        yield f"| `{key.name}` | {words} | {default} | {_cell(key.doc)} | {example(group, key)} |"
    yield ""


def _words(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


_HEAD = f"""# Playbooks: the reference

Everything that can be written in a playbook, its stories and the files that all playbooks share, each key and function with an
example. How to write one, step by step: the [tutorial](writing-playbooks.md). Made by `python -m outreach.lab.reference` from the
tables that the reader itself uses: do not edit. Every example on this page is run as a test.

Files are YAML, read strictly: UTF-8, spaces and no tabs, at most {MAX_BYTES // 1024} KB and {MAX_DEPTH} levels deep, no
anchors, aliases, tags, merge keys or duplicate keys. Scalars follow YAML 1.2: `21:00`, `NO` and `2026-01-02` are
texts. `outreach check` shows every fault of every file with file, line and column.
"""
_DEFAULTS = """`defaults.yaml` holds a mapping `all` and one per purpose, each with playbook keys and with
`steps:`, which maps a kind of step to its keys. The nearest word wins: the playbook, the purpose's
defaults, those of `all`, and last what is built in. Mappings merge key by key, lists and texts
replace, `none` switches a default off. Built in:"""
_DURATIONS = """`30m` `4h` `2d` `3w` `90 minutes`, `4 business hours`, `1 business day`; parts may be joined with
`+`. Business time uses the caller's team calendar; outside its hours it starts at the next opening.
A day in it is 24 hours, over a change of the clocks, too; `1 business day` is the same time on the next working day. With hours from 09:00 to 17:00, Saturday
23:00 and 4 business hours is Monday 13:00, and 1 business day is Tuesday 09:00."""
_EXPRESSIONS = """Comparisons (`==` `!=` `<` `<=` `>` `>=` `in` `not in`), `and` `or` `not`, `+ - * /`, numbers, texts in
quotes, lists in square brackets, `true` `false`, `event.` and a field that every type of `when`
has, `event.type` (which of them it was), the facts below, and these functions. Windows are texts like `"90d"` and end at the moment that is
judged, both ends included.

An expression is true, false or *cannot tell* (a value is missing). A false beats a cannot-tell, a
cannot-tell beats a true. On *cannot tell* nothing leaves to the customer; when the event is a failure
the owner gets a card *look at this*."""
_TEMPLATES = """Jinja templates in `templates/`, with language variants beside them (`sorry.md`, `sorry.de.md`). A mail's
first line is `Subject: …`, then an empty line. What a `service_recovery` message says is about that failure
only: words that sell are refused."""
