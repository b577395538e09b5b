"""What dashboards, alerts and the manual name is what a running service exports, by every name and label."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import promql_parser
import pytest
import yaml

from tests.conftest import ROOT
from tests.service.exposition import scraped

DASHBOARD = ROOT / "docs/grafana/onrecord.json"
ALERTS = ROOT / "docs/prometheus/alerts.yml"
MANUAL = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
# Prometheus' own: whether a scrape succeeded, and what it adds to each sample.
UP = "up"
ADDED = {"job", "instance"}
# What the dashboard takes from the data source.
FILLED = {"$__rate_interval": "5m", "$job": "onrecord"}


def alerts() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def panels() -> list[dict[str, Any]]:
    found = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    shown = [target["expr"] for panel in panels() for target in panel["targets"]]
    marked = [annotation["expr"] for annotation in dashboard["annotations"]["list"]]
    for expression in (*shown, *marked):
        for name, value in FILLED.items():
            expression = expression.replace(name, value)  # noqa: PLW2901
        yield expression
    yield from (rule["expr"] for rule in alerts())


@pytest.fixture(scope="module")
def exported(server: str) -> dict[str, dict[str, set[str]]]:
    """By the name of a sample, its labels, each with the values that it has; after one request of every kind."""
    with httpx2.Client(base_url=server, trust_env=False, timeout=60) as client:
        assert client.get("/v1/search", params={"query": "who pays?"}).status_code == 200
        assert client.post("/v1/ask", json={"query": "who pays?"}).status_code == 200
    found: dict[str, dict[str, set[str]]] = {}
    for sample in scraped(server):
        labels = found.setdefault(sample.name, {})
        for label, value in sample.labels.items():
            labels.setdefault(label, set()).add(value)
    return found


def _selectors(node: Any) -> Iterator[Any]:
    """Every choice of samples in an expression."""
    match node:
        case promql_parser.VectorSelector():
            yield node
        case promql_parser.MatrixSelector():
            yield node.vector_selector
        case promql_parser.Call():
            for argument in node.args:
                yield from _selectors(argument)
        case promql_parser.BinaryExpr():
            yield from _selectors(node.lhs)
            yield from _selectors(node.rhs)
        case promql_parser.AggregateExpr() | promql_parser.ParenExpr() | promql_parser.UnaryExpr():
            yield from _selectors(node.expr)
        case promql_parser.NumberLiteral() | promql_parser.StringLiteral():
            pass
        case _:
            pytest.fail(f"not known here: {type(node)}")


def _grouped_by(node: Any) -> Iterator[tuple[set[str], Any]]:
    """The labels that each aggregation keeps, with what it aggregates."""
    match node:
        case promql_parser.AggregateExpr():
            if node.modifier is not None:
                yield set(node.modifier.labels), node.expr
            yield from _grouped_by(node.expr)
        case promql_parser.Call():
            for argument in node.args:
                yield from _grouped_by(argument)
        case promql_parser.BinaryExpr():
            yield from _grouped_by(node.lhs)
            yield from _grouped_by(node.rhs)
        case promql_parser.ParenExpr() | promql_parser.UnaryExpr():
            yield from _grouped_by(node.expr)


@pytest.mark.parametrize("expression", list(expressions()))
def test_an_expression_names_what_is_exported(expression: str, exported: dict[str, dict[str, set[str]]]) -> None:
    parsed = promql_parser.parse(expression)
    selectors = list(_selectors(parsed))
    assert selectors
    for selector in selectors:
        if selector.name == UP:
            continue
        labels = exported[selector.name]
        for matcher in selector.matchers.matchers:
            assert matcher.name in labels.keys() | ADDED
            if (
                matcher.op in (promql_parser.MatchOp.Equal, promql_parser.MatchOp.NotEqual)
                and matcher.name not in ADDED
            ):
                assert matcher.value in labels[matcher.name] or matcher.name == "status"
    for kept, inner in _grouped_by(parsed):
        for selector in _selectors(inner):
            assert kept <= exported[selector.name].keys() | ADDED


def test_every_metric_is_on_the_dashboard_or_in_an_alert_and_in_the_manual(
    exported: dict[str, dict[str, set[str]]],
) -> None:
    used = {selector.name for text in expressions() for selector in _selectors(promql_parser.parse(text))}
    assert exported.keys() == used - {UP}
    described = set(re.findall(r"^\| `((?:onrecord|process)_\w+)", MANUAL, re.MULTILINE))
    assert described == {re.sub(r"_(bucket|sum|count)$", "", name) for name in exported}
    for name in described:
        [row] = re.findall(rf"^\| `{name}` \|([^|]*)\|", MANUAL, re.MULTILINE)
        labels = exported[name if name in exported else f"{name}_bucket"]
        assert set(re.findall(r"`(\w+)`", row)) == labels.keys() - {"le"}, name


def test_every_alert_says_what_to_do_here_and_in_the_manual() -> None:
    names = [rule["alert"] for rule in alerts()]
    assert len(set(names)) == len(names) >= 8
    for rule in alerts():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert {"summary", "description"} == rule["annotations"].keys()
    assert re.findall(r"^\| `(OnRecord\w+)` \|", MANUAL, re.MULTILINE) == names


def test_the_dashboard_is_whole() -> None:
    dashboard = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    every = dashboard["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    taken: set[tuple[int, int]] = set()
    for panel in every:
        place = panel["gridPos"]
        cells = {(place["x"] + column, place["y"] + line) for column in range(place["w"]) for line in range(place["h"])}
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells
    for panel in panels():
        assert panel["title"]
        assert panel["targets"]
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
