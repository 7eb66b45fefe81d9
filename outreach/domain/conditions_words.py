"""What people write by habit from elsewhere, and what to write here: (what is wrong, remedy)."""

from __future__ import annotations

EXAMPLE = 'write conditions like event.days_late >= 2 and account.tier == "gold"'
ODD_SIGNS: dict[str, tuple[str, str]] = {
    "===": ("`===` is not a comparison here", "write =="),
    "!==": ("`!==` is not a comparison here", "write !="),
    "<>": ("`<>` is not a comparison here", "write !="),
    "=<": ("`=<` is the wrong way round", "write <="),
    "=>": ("`=>` is the wrong way round", "write >="),
    "&&": ("`&&` is not a word of this language", "write and"),
    "||": ("`||` is not a word of this language", "write or"),
    "&": ("`&` is not a word of this language", "write and"),
    "|": ("`|` is not a word of this language", "write or"),
    "!": ("`!` is not a word of this language", "write not, or != for different"),
    "**": ("there is no power operator", "write the product"),
    "//": ("there is no whole-number division", "write /"),
    "%": ("`%` means nothing here", "write the share as a number: 0.1 for 10 %"),
    ":=": ("nothing can be set here", "write == to compare"),
    "{": ("braces mean nothing here", "write a list in square brackets"),
    "}": ("braces mean nothing here", "write a list in square brackets"),
    ";": ("`;` means nothing here", "join conditions with and, or"),
    ":": ("`:` means nothing here", "put the whole expression in quotes if the YAML needs it"),
    "#": ("a comment cannot stand inside an expression", "put it on a line of its own, outside"),
    "\\": ("a backslash means nothing here", "leave it out; an expression may run over several lines"),
    "`": ("a backtick means nothing here", 'write texts in straight quotes: "gold"'),
    "≥": ("`≥` is not a word of this language", "write >="),
    "≤": ("`≤` is not a word of this language", "write <="),
    "≠": ("`≠` is not a word of this language", "write !="),
    "–": ("this is a dash, not a minus", "write -"),
    "—": ("this is a dash, not a minus", "write -"),
    "−": ("this is a typographic minus", "write -"),
    **dict.fromkeys("“”„‟«»‘’‚‛", ("this is a typographic quote", 'write texts in straight quotes: "gold"')),
}
CAPITALS = {"AND": "and", "OR": "or", "NOT": "not", "IN": "in", "And": "and", "Or": "or", "Not": "not"}
OTHER_WORDS: dict[str, tuple[str, str]] = {
    "is": ("`is` is not a word of this language", "write == to compare, known(…) to ask whether it is there"),
    "if": ("`if` means nothing here", "join conditions with and, or"),
    "then": ("`then` means nothing here", "join conditions with and, or"),
    "else": ("`else` means nothing here", "join conditions with and, or"),
    "lambda": ("`lambda` means nothing here", EXAMPLE),
    "for": ("there are no loops", "ask count(…) or seen(…)"),
    "await": ("`await` means nothing here", EXAMPLE),
    "async": ("`async` means nothing here", EXAMPLE),
    "yield": ("`yield` means nothing here", EXAMPLE),
    "contains": ("`contains` is not a word of this language", 'turn it round: "a" in event.list'),
    "xor": ("`xor` is not a word of this language", "write (a or b) and not (a and b)"),
    "between": ("`between` is not a word of this language", "write 1 <= x <= 5"),
}
PYTHON_WORDS = frozenset(
    [
        "as",
        "assert",
        "break",
        "class",
        "continue",
        "def",
        "del",
        "elif",
        "except",
        "finally",
        "from",
        "global",
        "import",
        "nonlocal",
        "pass",
        "raise",
        "return",
        "try",
        "while",
        "with",
    ]
)
