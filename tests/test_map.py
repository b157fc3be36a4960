"""The page as text: policy, escaping, what it says and what it leaves out."""

import json
import re
from dataclasses import replace
from itertools import pairwise

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from tests.report_fixtures import LONG, NASTY, QUOTES, failed_summary, small_summary
from threatkit.report.map import maps_script, page_title, render_map
from threatkit.report.page import content_hash, embed_json, leaflet, own_script, own_style
from threatkit.report.payload import build_payload
from threatkit.report.shapes import build_plane
from threatkit.report.topology import Border, border_kinds, build_topology


@pytest.fixture(scope="module")
def page() -> str:
    return render_map(small_summary())


@pytest.fixture(scope="module")
def payload() -> dict[str, object]:
    return build_payload(small_summary())


def district(payload: dict[str, object], code: str) -> dict[str, object]:
    rows = payload["districts"]
    assert isinstance(rows, list)
    return next(row for row in rows if row["code"] == code)


def test_policy_allows_only_these_scripts_and_styles(page: str) -> None:
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    rules = policy.group(1).replace("&#39;", "'")
    assert rules.startswith("default-src 'none'; ")
    assert "unsafe" not in rules
    for tag in ("script", "style"):
        for text in re.findall(rf"<{tag}>(.*?)</{tag}>", page, flags=re.S):
            assert content_hash(text) in rules


def test_nothing_points_elsewhere(page: str) -> None:
    assert not re.findall(r"<(?:link|iframe|img|object|embed|base)\b", page.split("<script")[0])
    assert not re.findall(r"\bsrc\s*=", page.split("<script")[0])
    assert not re.findall(r"url\((?!data:|#)", own_style())
    assert not re.findall(r"url\((?!data:|#)", leaflet()[1])
    for name in ("jquery", "bootstrap", "awesome", "cdn."):
        assert name not in page.lower()
    assert "sourceMappingURL" not in page


def test_leaflet_comes_with_its_licence(page: str) -> None:
    assert "BSD 2-Clause License" in page
    assert "Leaflet 1.9.3" in leaflet()[0]


def test_names_stay_text(page: str) -> None:
    assert NASTY not in page
    assert "onerror=window" not in page.replace("onerror=window.pwned=1\\u003e", "")
    data = re.search(r'id="data">(.*?)</script>', page, flags=re.S)
    assert data is not None
    names = {row["name"] for row in json.loads(data.group(1))["districts"]}
    assert {NASTY, QUOTES, LONG} <= names


def test_scripts_never_insert_markup() -> None:
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert way not in own_script()


@pytest.mark.parametrize("text", ["</script>", "<!--", "\u2028", "\u2029", "a&b"])
def test_embedded_json_holds_no_markup(text: str) -> None:
    embedded = str(embed_json({"name": text}))
    assert not set("<>&\u2028\u2029") & set(embedded)
    assert json.loads(embedded)["name"] == text


def test_embedded_json_refuses_what_is_not_a_number() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        embed_json({"p": float("nan")})


def test_the_page_says_what_it_must(page: str) -> None:
    for text in (
        "not yet measured",
        "1 May 2026 to 30 April 2027",
        "An episode is what the test says.",
        "Knowledge stops at 30 April 2026",
        "The list is thin before 2009.",
        "imply no opinion on the legal status",
        "treaty talks stalled",
        "Boundaries: squares.",
        "ICD 203",
    ):
        assert text in page
    assert "must not be used" not in page


def test_a_run_that_failed_its_gate_says_so_first() -> None:
    page = render_map(failed_summary())
    body = page.split("<body>")[1]
    assert body.index("must not be used") < body.index("<main")
    assert "R-hat 1.2 &lt;of&gt; eta." in page


def test_title_counts_with_its_interval(page: str) -> None:
    title = page_title(small_summary())
    assert re.match(
        r"(Between \d+ and )?\d+ of 7 districts(:| face) a chance of \d+ in 100 or more", title
    )
    assert title.endswith("most likely Batken and Sokh")
    bare = page_title(replace(small_summary(), exceedance_counts=None))
    assert bare.startswith("The highest chance of organised violence within a year: Batken and")


def test_the_page_is_the_same_each_time(page: str) -> None:
    assert render_map(small_summary()) == page


def test_folium_makes_both_maps_and_nothing_else() -> None:
    script = maps_script()
    assert script.count("L.map(") == 2
    assert "tileLayer" not in script
    assert "http" not in script


def test_profile_has_figures_with_intervals(payload: dict[str, object]) -> None:
    batken = district(payload, "KG-B-batken")
    scores = small_summary().scores.loc["KG-B-batken"]
    assert batken["level"] == scores["risk_level"]
    assert re.match(r"about \d+ in 100 \(\d+ to \d+ in 100\)", str(batken["chance"]))
    assert str(batken["say"]).startswith("Unlikely: ")
    assert re.match(r"(between \d+ and )?\d+ of 7", str(batken["rankText"]))
    parts = batken["parts"]
    assert isinstance(parts, list)
    assert parts[0] == [0.5, 0.2, 0.8, 0, "1.6 times (1.2 to 2.2)"]
    assert parts[1][3] == 1
    assert batken["unjudged"].startswith("about 20 in 100")
    assert district(payload, "UZ-FA-sokh")["unjudged"] == ""


def test_indicators_come_from_the_finest_level(payload: dict[str, object]) -> None:
    values = payload["values"]
    assert isinstance(values, list)
    own = [values[i] for i in district(payload, "KG-B-batken")["values"]]
    levels = {row[0]: row[5] for row in own}
    assert levels["Young people not in work"] == "known only for the oblast"
    assert levels["Distance to border"] == "for this district"
    assert levels[NASTY] == "known only for the whole country"
    unknown = district(payload, "KG-B-batken")["unknown"]
    assert "Known only for the whole country" in " ".join(unknown)


def test_events_within_reach_newest_first(payload: dict[str, object]) -> None:
    assert district(payload, "KG-B-batken")["events"] == [1, 0]
    assert 2 in district(payload, "UZ-FA-sokh")["events"]


def test_not_assessed_is_unknown_and_not_low(payload: dict[str, object]) -> None:
    last = district(payload, "KZ-10-ayagoz")
    assert last["level"] is None
    assert last["drawn"] is False
    assert "p" not in last


def test_a_tiny_unit_is_shown_with_the_district_around_it(payload: dict[str, object]) -> None:
    rows = payload["districts"]
    assert isinstance(rows, list)
    assert "TJ-SU-ashtcity" not in {row["code"] for row in rows}
    assert district(payload, "TJ-SU-isfara")["with"] == ["Tiny"]
    plane = build_plane(small_summary())
    assert plane.hosts == {"TJ-SU-ashtcity": "TJ-SU-isfara"}
    whole = small_summary().geometry.to_crs(plane.units.crs).geometry
    joined = whole["TJ-SU-isfara"].area + whole["TJ-SU-ashtcity"].area
    assert plane.units["TJ-SU-isfara"].area == pytest.approx(joined)


def test_a_run_without_indicators_events_or_crossings_has_a_page() -> None:
    summary = small_summary()
    bare = replace(
        summary,
        indicators=summary.indicators.iloc[:0],
        events=summary.events.iloc[:0],
        crossings=summary.crossings.iloc[:0],
        afghan=summary.afghan.iloc[:0],
        level_counts=None,
    )
    assert "<main" in render_map(bare)


def test_a_region_of_one_district_has_a_page() -> None:
    summary = small_summary()
    one = ["KZ-10-abay"]
    assert "<main" in render_map(
        replace(
            summary,
            scores=summary.scores.loc[one],
            districts=summary.districts.loc[one],
            geometry=summary.geometry.loc[one],
        )
    )


# Topology ------------------------------------------------------------------------------------


def squares() -> dict[str, shapely.Polygon]:
    """Four squares of a kilometre round a hole of the same size, and an exclave inside one."""
    exclave = shapely.box(1_300, 300, 1_700, 700)
    shapes = {
        "west": shapely.box(0, 0, 1_000, 3_000),
        "south": shapely.box(1_000, 0, 3_000, 1_000).difference(exclave),
        "east": shapely.box(2_000, 1_000, 3_000, 3_000),
        "north": shapely.box(1_000, 2_000, 2_000, 3_000),
        "inner": exclave,
    }
    return {unit: shape.segmentize(1_000) for unit, shape in shapes.items()}


def rebuilt(shapes: dict[str, shapely.Polygon], quantum: float) -> dict[str, shapely.Geometry]:
    topology = build_topology(shapes, quantum=quantum)

    def ring(numbers: list[int]) -> list[tuple[float, float]]:
        points: list[tuple[int, int]] = []
        for number in numbers:
            arc = topology.arcs[number] if number >= 0 else topology.arcs[~number][::-1]
            points += arc if not points else arc[1:]
        return [(x * quantum, y * quantum) for x, y in points]

    return {
        unit: shapely.union_all(
            [shapely.Polygon(ring(part[0]), [ring(hole) for hole in part[1:]]) for part in parts]
        )
        for unit, parts in topology.shapes.items()
    }


def test_arcs_rebuild_every_outline() -> None:
    shapes = squares()
    for unit, shape in rebuilt(shapes, 100.0).items():
        assert shape.equals(shapes[unit]), unit


def test_each_border_is_kept_once_and_named_by_what_it_parts() -> None:
    topology = build_topology(squares(), quantum=100.0)
    oblast = {"west": "A", "south": "A", "east": "B", "north": "B", "inner": "C"}
    country = dict.fromkeys(oblast, "X") | {"inner": "Y"}
    kinds = border_kinds(topology, oblast, country)
    by_kind: dict[Border, set[tuple[str, ...]]] = {}
    for kind, units in zip(kinds, topology.owners, strict=True):
        by_kind.setdefault(kind, set()).add(units)
    assert by_kind[Border.COUNTRY] == {("inner", "south")}
    assert by_kind[Border.DISTRICT] == {("south", "west"), ("east", "north")}
    assert by_kind[Border.OBLAST] == {("east", "south"), ("north", "west")}
    assert {units[0] for units in by_kind[Border.HOLE]} == {"west", "south", "east", "north"}
    edges = [tuple(sorted(pair)) for arc in topology.arcs for pair in pairwise(arc)]
    assert len(edges) == len(set(edges))


def test_an_approximate_outline_is_marked_before_all_else() -> None:
    topology = build_topology(squares(), quantum=100.0)
    same = dict.fromkeys(squares(), "X")
    kinds = border_kinds(topology, same, same, frozenset({"inner"}))
    marked = {u for k, u in zip(kinds, topology.owners, strict=True) if k == Border.APPROXIMATE}
    assert marked == {("inner", "south")}


def test_exclaves_of_the_shipped_boundaries_survive() -> None:
    from threatkit.geo.boundaries import EQUAL_AREA, load_boundaries

    units: gpd.GeoSeries = load_boundaries().geometry.to_crs(EQUAL_AREA)
    topology = build_topology(units.to_dict(), quantum=100.0)
    parts = units.apply(lambda shape: len(getattr(shape, "geoms", [shape])))
    kept = pd.Series({unit: len(shape) for unit, shape in topology.shapes.items()})
    pd.testing.assert_series_equal(kept, parts, check_names=False, check_index_type=False)
