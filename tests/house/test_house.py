"""The rules of the house, kept by tests."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

from tests.support import run

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "outreach"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)

# --- imports ----------------------------------------------------------------------------------------


def test_package_files_are_empty() -> None:
    full = [short(path) for path in MODULES if path.name == "__init__.py" and path.read_text().strip()]
    assert not full, f"a package file hides imports; move its code into a module: {full}"


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in MODULES if "migrations" not in path.parts}
    bare = sorted(short(folder) for folder in folders if not (folder / "__init__.py").exists())
    assert not bare, f"no __init__.py in {bare}, so import-linter does not see them"


def test_import_contracts_hold() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [str(program), "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_no_import_cycle_lazy_imports_counted() -> None:
    graph = grimp.build_graph("outreach", cache_dir=None)
    cycles = circles({module: graph.find_modules_directly_imported_by(module) for module in graph.modules})
    assert not cycles, f"modules that import each other in a circle: {cycles}"


def test_circles_are_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [["b", "c"]]


def test_importing_does_nothing(tmp_path: Path) -> None:
    """No output, no thread, no file: whatever is started is started by assemble, on purpose."""
    script = tmp_path / "import_all.py"
    script.write_text(IMPORT_ALL)
    empty = tmp_path / "empty"
    empty.mkdir()
    outside = {name: value for name, value in os.environ.items() if not name.startswith("OUTREACH_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-B", str(script), *importable()],
        cwd=empty, env=outside | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert (done.stdout, done.stderr) == ("", "")
    assert not list(empty.iterdir())


IMPORT_ALL = """
import importlib, sys, threading
for name in sys.argv[1:]:
    importlib.import_module(name)
    if threading.active_count() > 1:
        raise SystemExit(f"importing {name} started a thread")
"""


def importable() -> list[str]:
    """All modules but those that a tool runs: Alembic's environment and revisions, and `python -m`."""
    names = []
    for path in MODULES:
        if "migrations" in path.parts or path.name == "__main__.py":
            continue
        names.append(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    return names


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Groups of two or more modules that reach each other (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(imports.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            group = stack[stack.index(node) :]
            del stack[stack.index(node) :]
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(imports):
        if node not in index:
            visit(node)
    return sorted(found)


# --- time -------------------------------------------------------------------------------------------

CLOCKS = {
    *(f"datetime.datetime.{name}" for name in ("now", "utcnow", "today")),
    "datetime.date.today",
    *(f"time.{name}" for name in ("time", "time_ns", "localtime", "gmtime", "ctime", "asctime")),
}
MAY_READ_THE_CLOCK = {"outreach/assemble.py"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_clock_is_read_in_one_place(path: Path) -> None:
    if short(path) in MAY_READ_THE_CLOCK:
        return
    readings = list(clock_readings(path.read_text(encoding="utf-8")))
    assert not readings, f"{short(path)}: time is an argument; the clock is read in lines {readings}"


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("import datetime\ndatetime.datetime.now()", [2]),
        ("import datetime as dt\nx = dt.date.today", [2]),
        ("from datetime import datetime as d, UTC\nd.now(UTC)", [2]),
        ("from time import time", [1]),
        ("import time\ntime.time()", [2]),
        ("import time\ntime.monotonic()", []),
        ("clock.now()", []),
        ("from datetime import datetime\ndatetime.fromisoformat('x')", []),
    ],
)
def test_clock_readings_are_found(source: str, lines: list[int]) -> None:
    assert list(clock_readings(source)) == lines


def clock_readings(source: str) -> Iterator[int]:
    tree = ast.parse(source)
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name] = alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                if names[alias.asname or alias.name] in CLOCKS:
                    yield node.lineno
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and full_name(node, names) in CLOCKS:
            yield node.lineno


def full_name(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute):
        return f"{full_name(node.value, names)}.{node.attr}"
    return ""


# --- what is kept under git --------------------------------------------------------------------------

# Put together here, so that this file does not contain them.
HOSTS = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"), ("pythonhosted", "org"), ("registry", "npmjs"), ("npmjs", "org"), ("yarnpkg", "com"),
        ("deb", "debian", "org"), ("security", "debian", "org"), ("archive", "ubuntu", "com"),
        ("proxy", "golang", "org"), ("static", "crates", "io"), ("index", "crates", "io"), ("rubygems", "org"),
    )
]  # fmt: skip


def test_no_file_names_a_package_host() -> None:
    wanted = re.compile("|".join(map(re.escape, HOSTS)).encode(), re.IGNORECASE)
    found = []
    for path in kept_files():
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            if wanted.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert not found, f"package hosts belong to each machine's own settings, not into the checkout: {found}"


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-run.txt"])
def test_locks_are_hashed_and_name_no_place(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|-e|--index-url|--extra-index-url|--find-links)\b", text, re.MULTILINE)
    packages = re.split(r"\n(?=\S)", text.strip())
    assert [package for package in packages if "==" not in package or "--hash=sha256:" not in package] == []


def test_a_run_installs_what_the_tests_ran_with() -> None:
    assert versions("requirements-run.txt") <= versions("requirements.txt"), "run `make lock`"


def versions(name: str) -> set[str]:
    return set(re.findall(r"^\S+==\S+", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))


def kept_files() -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        run.skip_loudly("git, or this is no checkout of it")
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
