"""The dashboard and the alerts that we recommend ask for figures which there are."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support import run
from tests.web.scenes import busy_day
from tests.web.world import world

ROOT = Path(__file__).resolve().parents[2]
GRAFANA = ROOT / "docs" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "outreach.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
ALERTS: list[dict[str, Any]] = [
    rule
    for group in YAML(typ="safe").load((GRAFANA / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
OF_PROMETHEUS = {"up": {"job", "instance"}}
FROM_SCRAPING = {"instance", "job"}

Figures = Mapping[str, set[str]]
"""Series → its labels."""


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    """Every series that the house can show, with its labels; also those of which there is none yet."""
    here = world(tmp_path_factory.mktemp("figures"), ROOT)
    busy_day(here)
    metrics = here.app.extensions["outreach"].metrics
    metrics.events.labels("accepted").inc()
    metrics.hooks.labels("twilio", "forged").inc()
    metrics.requests.labels("desk", "2xx").observe(0.1)
    found: dict[str, set[str]] = {}
    endings = {
        "counter": ("_total",),
        "histogram": ("_bucket", "_count", "_sum"),
        "summary": ("_count", "_sum"),
    }
    for family in metrics.registry.collect():
        labels = {*getattr(family, "_labelnames", ())} | {
            label for sample in family.samples for label in sample.labels
        }
        for ending in endings.get(family.type, ("",)):
            found[family.name + ending] = labels
    here.close()
    return found


def asked() -> Iterator[tuple[str, str, str]]:
    """(where, expression, legend) of every panel and alert."""
    for panel in PANELS:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"], target["legendFormat"]
    for rule in ALERTS:
        yield rule["alert"], rule["expr"], "".join(rule["annotations"].values()).replace("$labels.", "")


_WORD = re.compile(r"\b(outreach_\w+|up)\b(?:\{([^}]*)\})?")
_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


@pytest.mark.parametrize(("where", "expression", "legend"), sorted(asked()))
def test_figures_and_labels_that_are_asked_for_exist(
    where: str, expression: str, legend: str, figures: Figures
) -> None:
    known = {**figures, **OF_PROMETHEUS}
    named = _WORD.findall(expression)
    assert named, f"{where}: {expression} asks for nothing"
    for name, selector in named:
        assert name in known, f"{where}: there is no {name}"
        lacking = {*_LABEL.findall(selector)} - known[name] - FROM_SCRAPING
        assert not lacking, f"{where}: {name} has no {lacking}"
    kept = {label for by in re.findall(r"\bby \(([^)]*)\)", expression) for label in re.split(r",\s*", by)}
    assert kept <= {label for name, _ in named for label in known[name]}, f"{where}: {kept}"
    shown = {*re.findall(r"\{\{\s*(\w+)\s*\}\}", legend)}
    assert shown <= kept, f"{where}: {legend} names what the expression does not keep"


def test_every_figure_is_on_the_dashboard(figures: Figures) -> None:
    """A figure that nobody looks at is not worth counting."""
    seen = {name for where, expression, _ in asked() for name, _ in _WORD.findall(expression)}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in figures}
    assert not families - {re.sub(r"_(bucket|count|sum)$", "", name) for name in seen}


def test_every_figure_is_told_with_its_labels(figures: Figures) -> None:
    told = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`outreach_\w+`(?:, )?)+) \|([^|]*)\|", told, re.MULTILINE)
    documented = {
        name: {*re.findall(r"`(\w+)`", labels)}
        for names, labels in rows
        for name in re.findall(r"\w+", names)
    }
    for name, labels in figures.items():
        family = re.sub(r"_(bucket|count|sum)$", "", name)
        assert documented.get(family) == labels - {"le"}, family


def test_values_that_queries_pick_are_ours(figures: Figures) -> None:
    """A status or an outcome that no longer exists would make a panel empty and an alert silent."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "outreach").rglob("*.py"))
    for where, expression, _ in asked():
        for label, values in re.findall(r'(\w+)=~?"([^"$]*)"', expression):
            for value in values.split("|"):
                known = f'"{value}"' in code or (label == "code" and re.fullmatch("[1-5]xx", value))
                assert known or label == "job", f"{where}: {label} is never {value}"


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    assert DASHBOARD["schemaVersion"] >= 36 and DASHBOARD["title"] == "Outreach" and DASHBOARD["uid"]
    assert DASHBOARD.get("id") is None, "an id belongs to one Grafana; ours has a uid"
    variables = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
    assert (
        variables["datasource"]["type"] == "datasource" and variables["datasource"]["query"] == "prometheus"
    )
    ids = [panel["id"] for panel in PANELS]
    assert len(ids) == len(set(ids))
    for panel in PANELS:
        assert panel["type"] in ("row", "stat", "timeseries", "table") and panel["title"]
        if panel["type"] != "row":
            assert panel["description"] and panel["targets"], panel["title"]
            sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
            assert all(one == {"type": "prometheus", "uid": "${datasource}"} for one in sources), panel[
                "title"
            ]
            letters = [target["refId"] for target in panel["targets"]]
            assert len(letters) == len(set(letters)), panel["title"]


def test_panels_do_not_overlap_and_fit() -> None:
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["w"] > 0 and place["h"] > 0 and 0 <= place["x"] <= 24 - place["w"], panel["title"]
    for one, other in itertools.combinations(PANELS, 2):
        a, b = one["gridPos"], other["gridPos"]
        apart = (
            a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        )  # fmt: skip
        assert apart, f"{one['title']} lies over {other['title']}"


def test_each_alert_says_what_it_is_and_what_to_do() -> None:
    names = [rule["alert"] for rule in ALERTS]
    assert len(names) == len(set(names))
    told = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    for rule in ALERTS:
        name = rule["alert"]
        assert re.fullmatch(r"Outreach[A-Z]\w+", name)
        assert rule["labels"]["severity"] in ("page", "ticket"), name
        assert rule["annotations"].keys() == {"summary", "description"}, name
        assert len(rule["annotations"]["description"]) > 40, f"{name}: say what to do"
        assert re.fullmatch(r"\d+[mhd]", rule.get("for", "0m")), name
        assert f"`{name}`" in told, f"docs/operating.md does not tell of {name}"


def _promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip(f"{run.MISSING}promtool, which reads figures and alerts as Prometheus does")
    return found


def test_promtool_takes_the_figures(tmp_path: Path) -> None:
    here = world(tmp_path, ROOT)
    busy_day(here)
    here.pass_time(seconds=40)
    told = here.app.test_client().get("/metrics").data
    here.close()
    done = subprocess.run([_promtool(), "check", "metrics"], input=told, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_takes_alerts_and_queries(tmp_path: Path) -> None:
    """Prometheus reads both; a query of the dashboard is checked as if it were a rule."""
    promtool = _promtool()
    queries = [
        expression.replace("$__rate_interval", "5m").replace("$instance", ".*")
        for _, expression, _ in asked()
        if "$" in expression
    ]
    rules = [{"record": f"q:{number}", "expr": expression} for number, expression in enumerate(queries)]
    (tmp_path / "queries.yaml").write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    for file in (GRAFANA / "alerts.yaml", tmp_path / "queries.yaml"):
        done = subprocess.run(
            [promtool, "check", "rules", str(file)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
