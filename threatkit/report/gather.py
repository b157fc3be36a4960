"""Gather what a report shows from a catalogue and the record of a run."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd

from threatkit.config import Config
from threatkit.data.catalogue import Catalogue
from threatkit.data.episodes import day_bounds
from threatkit.geo.boundaries import load_afghan_districts
from threatkit.model.forecast import Forecast
from threatkit.model.panel import latest_values
from threatkit.paths import data_dir
from threatkit.report.summary import RunFacts, Summary, exceedance_counts, level_counts
from threatkit.scores import Scores

REGION_NAMES: Mapping[str, str] = {
    "central-asia": "Central Asia and the Fergana Valley",
    "fergana": "Fergana Valley",
    "KAZ": "Kazakhstan",
    "KGZ": "Kyrgyzstan",
    "TJK": "Tajikistan",
    "TKM": "Turkmenistan",
    "UZB": "Uzbekistan",
}
OUTCOME = (
    "An episode of organised violence: the use of firearms, explosives or collective force by "
    "an organised side, state or not, at a known date and district; reports from one district "
    "within 14 days of each other are one episode."
)
SKILL = (
    "Skill: not yet measured on forecasts made before their time. On the years 2005 to 2025, "
    "with a list compiled in hindsight, the default model could not be told apart from a "
    "district's past frequency, shrunken to its neighbours and country. It expected 126 "
    "district-years with an episode where 126 were seen; from 2019 on, 51 where 43 were seen."
)


def summarise(
    config: Config,
    catalogue: Catalogue,
    boundaries: gpd.GeoDataFrame,
    made: Forecast,
    scores: Scores,
    record: Mapping[str, Any],
) -> Summary:
    """Return all that the map shows of a run, as data.

    Parameters
    ----------
    config
        Of the run.
    catalogue
        The data packages of the run.
    boundaries
        Outlines, index district.
    made
        Draws of the forecast, for counts of districts.
    scores
        Of the region.
    record
        What ``run.json`` holds.
    """
    as_of = date.fromisoformat(record["as_of"])
    kept = scores.districts.index
    assessed = scores.districts["event_prob"].notna().to_numpy()
    position = made.districts.index.get_indexer(kept[assessed])
    prob = made.event_prob[:, position]
    people = made.people[position]
    return Summary(
        scores=scores.districts,
        areas=scores.areas,
        districts=catalogue.districts.loc[kept],
        geometry=boundaries.loc[boundaries.index.intersection(kept)],
        afghan=load_afghan_districts(),
        indicators=indicator_rows(catalogue, as_of),
        events=event_rows(catalogue, as_of),
        crossings=crossing_rows(catalogue),
        facts=run_facts(config, catalogue, record),
        region=region_name(config.region, catalogue.districts),
        level_counts=level_counts(prob, people, ci_prob=scores.ci_prob),
        exceedance_counts=exceedance_counts(prob, ci_prob=scores.ci_prob),
    )


def region_name(region: str, districts: pd.DataFrame) -> str:
    """Return the name of a region for the head of a page."""
    if region in REGION_NAMES:
        return REGION_NAMES[region]
    names = districts.loc[districts["oblast"] == region, "oblast_name"]
    return str(names.iloc[0]) if len(names) else region


def _sourced(frame: pd.DataFrame, catalogue: Catalogue) -> pd.DataFrame:
    """Add title and address of each row's source."""
    sources = catalogue.sources[["package", "source_id", "title", "path"]]
    named = sources.rename(columns={"title": "source_title", "path": "source_path"})
    return frame.merge(named, on=["package", "source_id"], how="left")


def indicator_rows(catalogue: Catalogue, as_of: date) -> pd.DataFrame:
    """Return the newest value of each indicator in the model and area, with its source."""
    definitions = catalogue.indicators
    used = definitions[definitions["use"]]
    newest = latest_values(catalogue.values, used, as_of)
    told = used[["title", "pillar"]]
    rows = _sourced(newest.join(told, on="indicator"), catalogue)
    columns = [
        *("area_level", "area_code", "indicator", "title", "pillar", "period", "value", "unit"),
        *("reliability", "credibility", "source_title", "source_path"),
    ]
    return rows[columns]


def event_rows(catalogue: Catalogue, as_of: date) -> pd.DataFrame:
    """Return the events that are known at the assessment, newest first, with their source."""
    events = _sourced(catalogue.events, catalogue)
    when, _ = day_bounds(events["date_start"].astype(str))
    events = events.assign(
        date=when.dt.date,
        district=events["area_code"].where(events["area_level"] == "adm2"),
        type=events["event_type"],
        source=events["source_path"],
    )
    columns = [
        *("event_id", "district", "date", "type", "summary", "source", "source_title"),
        *("latitude", "longitude", "place"),
    ]
    known = events.loc[when <= pd.Timestamp(as_of), columns]
    return known.sort_values("date", ascending=False, ignore_index=True)


def crossing_rows(catalogue: Catalogue) -> pd.DataFrame:
    """Return the crossings to Afghanistan with their status, its date and source."""
    columns = ["name", "afghan_side", "latitude", "longitude", "mode", "status", "status_date"]
    if not catalogue.has_table("crossings"):
        return pd.DataFrame(columns=[*columns, "source"])
    rows = _sourced(catalogue.table("crossings"), catalogue)
    return rows.assign(source=rows["source_path"])[[*columns, "source"]]


def coverage_notes(catalogue: Catalogue) -> tuple[str, ...]:
    """Return one sentence on what each source covers, with its last day."""
    covered = catalogue.coverage
    notes = []
    for source, rows in covered[covered["coverage"] != "none"].groupby("source"):
        first = pd.to_datetime(rows["from"]).min().date()
        last = pd.to_datetime(rows["until"]).max().date()
        partial = sorted(rows.loc[rows["coverage"] == "partial", "country"].unique())
        weak = f"; only in part in some years in {', '.join(partial)}" if partial else ""
        name = {"ucdp": "Figures from UCDP GED", "curated": "The event list"}.get(
            str(source), str(source)
        )
        notes.append(f"{name} covers {first} to {last}{weak}.")
    return (*notes, "Silence of a source is not peace.")


def covered_shares(coverage: pd.DataFrame, first: int) -> dict[str, float]:
    """Return for each country the share of the years that the list of events covers in full.

    Parameters
    ----------
    coverage
        Of the catalogue: source, country, period (a year), coverage.
    first
        The first year that counts.
    """
    rows = coverage[(coverage["source"] == "curated") & (coverage["period"].astype(int) >= first)]
    full = (rows["coverage"] == "covered").groupby(rows["country"]).mean()
    return {str(country): float(share) for country, share in full.items()}


def run_facts(config: Config, catalogue: Catalogue, record: Mapping[str, Any]) -> RunFacts:
    """Return the facts of a run that stand on every page."""
    covered = catalogue.coverage[catalogue.coverage["coverage"] != "none"]
    first = max(pd.to_datetime(covered["from"]).min().date(), date(config.start_year, 1, 1))
    diagnostics = record["diagnostics"]
    judged = [
        f"{judgement.area}: expected episodes times {judgement.factor:g} from "
        f"{judgement.valid_from} to {judgement.valid_until}; {judgement.reason} "
        f"({judgement.role})."
        for judgement in config.judgements
    ]
    return RunFacts(
        as_of=date.fromisoformat(record["as_of"]),
        start=date.fromisoformat(record["forecast"]["start"]),
        end=date.fromisoformat(record["forecast"]["end"]),
        ci_prob=config.ci_prob,
        horizon_months=config.horizon_months,
        gate_passed=bool(diagnostics["passed"]),
        gate_messages=tuple(diagnostics["failures"]),
        data_start=first,
        data_end=date.fromisoformat(record["as_of"]),
        coverage_notes=coverage_notes(catalogue),
        outcome_definition=OUTCOME + (" Only with a known death." if config.require_death else ""),
        event_types=config.event_types,
        skill_statement=SKILL,
        judgements=tuple(judged),
        versions=record["versions"],
        seed=record["seed"],
        run_id=record["run_id"],
        attribution=attribution(catalogue),
        covered=covered_shares(catalogue.coverage, first.year),
    )


def attribution(catalogue: Catalogue) -> tuple[str, ...]:
    """Return a line on the boundaries and one on each data package and its licence."""
    facts = json.loads((data_dir("maps") / "boundaries" / "boundaries.json").read_text("utf-8"))
    lines = [facts["attribution"]]
    for package in catalogue.packages:
        names = [str(item.get("name", "")) for item in package.descriptor.get("licenses", [])]
        licence = f" ({', '.join(filter(None, names))})" if names else ""
        lines.append(f"{package.title}, version {package.version}{licence}.")
    return tuple(lines)
