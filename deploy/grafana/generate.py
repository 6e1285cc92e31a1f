#!/usr/bin/env python3
"""Write dashboards/attache.json, Grafana's dashboard, from panels.toml: `make dashboard`.

It keeps the rules of grafana/dashboard-linter: everything asks the templated data source, selects by job and
instance, and counts counters with rate or increase over $__rate_interval.
"""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TARGET = HERE / "dashboards" / "attache.json"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24
PANEL = {"kind": "timeseries", "width": 8, "height": 7, "bars": False, "low_is_bad": False, "warn": None, "bad": None}
CHOSEN = 'job=~"$job", instance=~"$instance"'
Json = dict[str, Any]


def dashboard() -> Json:
    """Return the dashboard in Grafana's classic format."""
    return {
        "uid": "attache",
        "title": "Attaché",
        "description": "From feeds to deliveries: what runs, how fresh the news is, where it stands.",
        "tags": ["attache"],
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "schemaVersion": 39,
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "links": [],
        "annotations": {"list": []},
        "templating": {
            "list": [
                {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "hide": 0},
                _variable("job", "label_values(attache_build_info, job)", ["attache"]),
                _variable("instance", 'label_values(attache_build_info{job=~"$job"}, instance)', ["$__all"]),
            ]
        },
        "panels": list(_panels()),
    }


def _variable(name: str, query: str, chosen: list[str]) -> Json:
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": "StandardVariableQuery"},
        "refresh": 2,  # when the time range changes: replicas come and go
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".+",
        "current": {"selected": True, "text": [each.replace("$__all", "All") for each in chosen], "value": chosen},
    }


def _panels() -> Iterator[Json]:
    """Lay the rows out from the top, each filled from the left."""
    number, top = 0, 0
    for row in tomllib.loads((HERE / "panels.toml").read_text(encoding="utf-8"))["row"]:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row["title"],
            "collapsed": False,
            "panels": [],
            "gridPos": _at(0, top, WIDTH, 1),
        }
        left, top, tallest = 0, top + 1, 0
        for panel in (PANEL | one for one in row["panel"]):
            if left + panel["width"] > WIDTH:
                left, top, tallest = 0, top + tallest, 0
            number += 1
            yield {"id": number, "gridPos": _at(left, top, panel["width"], panel["height"]), **_drawn(panel)}
            left, tallest = left + panel["width"], max(tallest, panel["height"])
        top += tallest


def _at(left: int, top: int, width: int, height: int) -> Json:
    return {"x": left, "y": top, "w": width, "h": height}


def _drawn(panel: Json) -> Json:
    drawn: Json = {"type": panel["kind"], "title": panel["title"], "description": panel["about"]}
    if panel["kind"] == "alertlist":
        shown = {"firing": True, "pending": True, "error": True, "noData": False, "normal": False}
        return drawn | {
            "options": {
                "viewMode": "list", "groupMode": "default", "maxItems": 20, "sortOrder": 3, "dashboardAlerts": False,
                "datasource": "Prometheus", "alertInstanceLabelFilter": '{alertname!="AttacheWatchdog"}',
                "stateFilter": shown,
            }
        }  # fmt: skip
    return drawn | {
        "datasource": DATASOURCE,
        "targets": [
            {"refId": chr(65 + n), "datasource": DATASOURCE, "expr": expr, "legendFormat": legend, "range": True}
            for n, (expr, legend) in enumerate(_queries(panel))
        ],
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _options(panel),
    }


def _queries(panel: Json) -> Iterator[tuple[str, str]]:
    query = panel["query"]
    for promql, legend in (
        [(query, panel["legend"])] if isinstance(query, str) else [(one["promql"], one["legend"]) for one in query]
    ):
        yield promql.replace("{@", "{" + CHOSEN), legend


def _field(panel: Json) -> Json:
    field: Json = {"unit": panel["unit"], "thresholds": {"mode": "absolute", "steps": _steps(panel)}}
    if panel["kind"] == "timeseries":
        style = (
            {"drawStyle": "bars", "fillOpacity": 60, "stacking": {"mode": "normal"}}
            if panel["bars"]
            else {"drawStyle": "line", "fillOpacity": 8}
        )
        limit = {"thresholdsStyle": {"mode": "dashed"}} if panel["bad"] is not None else {}
        return field | {"min": 0, "custom": {"lineWidth": 1, "showPoints": "never", **style, **limit}}
    if panel["kind"] == "state-timeline":
        words = {"0": {"text": "no", "color": "red", "index": 0}, "1": {"text": "yes", "color": "green", "index": 1}}
        return field | {"mappings": [{"type": "value", "options": words}], "custom": {"fillOpacity": 70}}
    return field


def _steps(panel: Json) -> list[Json]:
    if panel["low_is_bad"]:
        return [{"color": "red", "value": None}, {"color": "green", "value": panel["bad"]}]
    steps: list[Json] = [{"color": "green", "value": None}]
    if panel["warn"] is not None:
        steps.append({"color": "orange", "value": panel["warn"]})
    if panel["bad"] is not None:
        steps.append({"color": "red", "value": panel["bad"]})
    return steps


def _options(panel: Json) -> Json:
    if panel["kind"] == "stat":
        reduced = {"calcs": ["lastNotNull"], "fields": "", "values": False}
        return {"reduceOptions": reduced, "colorMode": "background", "graphMode": "none", "textMode": "auto"}
    if panel["kind"] == "state-timeline":
        return {"showValue": "never", "mergeValues": True, "rowHeight": 0.8}
    return {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def text() -> str:
    """Return the file's content."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
