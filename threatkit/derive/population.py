"""People of every district, put together from published figures and stated rules.

`population_parts.csv` lists the parts of each district (a city, a former district, a figure of
a census), `population_groups.csv` the published totals that are known only for several districts
together, and `population_calibration.csv` pairs of an expected and a known figure from which the
error of each rule is measured. ``python -m threatkit.derive.population`` reads the three and
writes the population columns of `districts.csv` again; nothing else in that file is touched.
"""

import argparse
import logging
from pathlib import Path

import numpy as np
import pandas as pd

from threatkit.errors import Fault, InvalidInput
from threatkit.paths import data_dir

LOG = logging.getLogger(__name__)

COLUMNS = (
    "population",
    "population_year",
    "population_status",
    "population_log_sd",
    "population_source_id",
)
METHODS = ("published", "subtracted", "share", "grown")
STATUS = {"published": "official", "subtracted": "subtracted"}
NEGLIGIBLE = 0.01
"""Share of a district's people below which a part does not change the district's status."""


def rule_errors(calibration: pd.DataFrame) -> pd.Series:
    """Measure how far each rule is from the truth where the truth is known.

    Parameters
    ----------
    calibration
        Columns rule, expected, observed (people, or any unit that is the same within a rule).

    Returns
    -------
    Standard deviation of log(observed / expected) by rule, with n - 1 in the denominator: a
    common factor is no error, since shares of a total do not see it.
    """
    logs = np.log(calibration["observed"] / calibration["expected"])
    return logs.groupby(calibration["rule"]).std(ddof=1)


def rule_factors(calibration: pd.DataFrame) -> pd.Series:
    """Median of observed / expected by rule, the growth that a ``grown`` part is given."""
    ratio = calibration["observed"] / calibration["expected"]
    return ratio.groupby(calibration["rule"]).median()


def share_log_sd(weights: np.ndarray, log_sd: np.ndarray) -> np.ndarray:
    """Error of shares of a known total, to first order, from independent errors of the weights.

    With s_i the share and v_j the variance of the log weight, the log share has the variance
    (1 - s_i)^2 v_i + sum over j other than i of s_j^2 v_j: a part that is nearly the whole total
    is nearly certain.

    Parameters
    ----------
    weights
        Positive weights, shape (n,).
    log_sd
        Standard deviation of the log of each weight, shape (n,).

    Returns
    -------
    Standard deviation of the log of each share, shape (n,).
    """
    share = weights / weights.sum()
    own, others = (1 - share) ** 2 * log_sd**2, share**2 * log_sd**2
    return np.asarray(np.sqrt(own + others.sum() - others))


def estimate_parts(
    parts: pd.DataFrame, groups: pd.DataFrame, calibration: pd.DataFrame
) -> pd.DataFrame:
    """Fill people, year and log_sd of the parts that have no figure of their own.

    Parameters
    ----------
    parts
        Columns district, part, method, people, year, group, weight, log_sd, source_id.
    groups
        Index group; columns rule, people (of the group, missing for growth), year, source_id.
    calibration
        See `rule_errors`.

    Returns
    -------
    The parts with `people` (persons), `year` and `log_sd` complete; a shared part carries the
    source of its group's total.

    Raises
    ------
    InvalidInput
        A method or group is unknown, or a published figure or a weight is missing.
    """
    check_parts(parts, groups, calibration)
    errors, factors = rule_errors(calibration), rule_factors(calibration)
    done = parts.copy()
    for name, rows in done[done["method"] == "share"].groupby("group"):
        group = groups.loc[name]
        weights = rows["weight"].to_numpy(float)
        spread = rows["log_sd"].fillna(errors[group["rule"]]).to_numpy(float)
        done.loc[rows.index, "people"] = group["people"] * weights / weights.sum()
        done.loc[rows.index, "log_sd"] = share_log_sd(weights, spread)
        done.loc[rows.index, "year"] = group["year"]
        done.loc[rows.index, "source_id"] = group["source_id"]
    grown = done["method"] == "grown"
    rule = done.loc[grown, "group"].map(groups["rule"])
    done.loc[grown, "people"] *= rule.map(factors)
    done.loc[grown, "log_sd"] = done.loc[grown, "log_sd"].fillna(rule.map(errors))
    done.loc[grown, "year"] = done.loc[grown, "group"].map(groups["year"])
    return done


def check_parts(parts: pd.DataFrame, groups: pd.DataFrame, calibration: pd.DataFrame) -> None:
    """Raise InvalidInput with every fault of the parts at once."""
    shared, named = parts["method"] == "share", parts["method"].isin(["share", "grown"])
    rules = set(calibration["rule"])
    checks = (
        (~parts["method"].isin(METHODS), f"method is none of {', '.join(METHODS)}"),
        (named & ~parts["group"].isin(groups.index), "group is not in population_groups.csv"),
        (
            named & parts["group"].isin(groups.index[~groups["rule"].isin(rules)]),
            "the rule of its group has no pair in population_calibration.csv",
        ),
        (~shared & ~(parts["people"] > 0), "people must be a positive number"),
        (shared & ~(parts["weight"] > 0), "weight must be a positive number"),
        (~named & ~(parts["log_sd"] > 0), "log_sd must be a positive number"),
    )
    faults = tuple(
        Fault(
            where=f"population_parts.csv, row {int(row) + 2}",
            rule=rule,
            found=f"{parts.at[row, 'district']}: {parts.at[row, 'part']}",
            remedy="Mend the row.",
        )
        for broken, rule in checks
        for row in parts.index[broken]
    )
    if faults:
        raise InvalidInput(faults)


def district_people(parts: pd.DataFrame) -> pd.DataFrame:
    """Add the parts of each district up.

    Parameters
    ----------
    parts
        From `estimate_parts`.

    Returns
    -------
    Index district; the columns of `COLUMNS`: persons (whole), year and source of the largest
    part, status (the weakest method among parts of over 1% of the district) and the standard
    deviation of the log of the sum, parts taken as independent.
    """
    rows = {}
    for district, own in parts.groupby("district", sort=False):
        people = own["people"].to_numpy(float)
        largest = own.loc[own["people"].idxmax()]
        methods = set(own.loc[own["people"] > NEGLIGIBLE * people.sum(), "method"])
        estimated = methods & {"share", "grown"}
        weakest = "subtracted" if "subtracted" in methods else "published"
        rows[district] = (
            round(people.sum()),
            int(largest["year"]),
            "estimated" if estimated else STATUS[weakest],
            round(float(np.hypot.reduce(people * own["log_sd"].to_numpy(float)) / people.sum()), 3),
            largest["source_id"],
        )
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(COLUMNS))


def read_folder(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Read parts, groups (by group) and calibration pairs from the districts package."""
    parts = pd.read_csv(folder / "population_parts.csv")
    groups = pd.read_csv(folder / "population_groups.csv", index_col="group")
    return parts, groups, pd.read_csv(folder / "population_calibration.csv")


def rewrite(folder: Path) -> pd.DataFrame:
    """Write the population columns of `districts.csv` in `folder` again and return the table."""
    path = folder / "districts.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False, index_col="district")
    people = district_people(estimate_parts(*read_folder(folder)))
    missing = table.index.symmetric_difference(people.index)
    if len(missing):
        raise InvalidInput(
            tuple(
                Fault(
                    where="population_parts.csv",
                    rule="every district of districts.csv has at least one part, and no other",
                    found=str(code),
                    remedy="Add the part or mend the code.",
                )
                for code in missing
            )
        )
    table[list(COLUMNS)] = people.loc[table.index].astype(str)
    table.to_csv(path, lineterminator="\n")
    LOG.info("%d districts, %d people", len(table), int(people["population"].sum()))
    return table


def main(arguments: list[str] | None = None) -> None:
    """Run as ``python -m threatkit.derive.population [--folder DIR]``."""
    parser = argparse.ArgumentParser(description="Put the people of the districts together again.")
    parser.add_argument("--folder", type=Path, default=data_dir("indicators") / "districts")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    rewrite(parser.parse_args(arguments).folder)


if __name__ == "__main__":
    main()
