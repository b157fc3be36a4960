"""The codes of areas that a row may name, and what was meant by one that does not exist."""

import re
from dataclasses import dataclass
from difflib import get_close_matches

import pandas as pd

LEVELS = ("adm0", "adm1", "adm2", "point")

CONTEXT_COUNTRIES = ("AFG",)
_AFGHAN_CODES = (
    "BAL",
    "BAM",
    "BDG",
    "BDS",
    "BGL",
    "DAY",
    "FRA",
    "FYB",
    "GHA",
    "GHO",
    "HEL",
    "HER",
    "JOW",
    "KAB",
    "KAN",
    "KAP",
    "KDZ",
    "KHO",
    "KNR",
    "LAG",
    "LOG",
    "NAN",
    "NIM",
    "NUR",
    "PAN",
    "PAR",
    "PIA",
    "PKA",
    "SAM",
    "SAR",
    "TAK",
    "URU",
    "WAR",
    "ZAB",
)
AFGHAN_PROVINCES = tuple(f"AF-{code}" for code in _AFGHAN_CODES)


@dataclass(frozen=True)
class Areas:
    """The areas known, each level by its code.

    Attributes
    ----------
    countries, oblasts, districts
        Name by code: ISO 3166-1 alpha-3, ISO 3166-2, and the codes of the table of
        districts.
    """

    countries: dict[str, str]
    oblasts: dict[str, str]
    districts: dict[str, str]

    def codes(self, level: str) -> frozenset[str]:
        """Return the codes that a row of a level may name."""
        adm0 = frozenset(self.countries) | frozenset(CONTEXT_COUNTRIES)
        adm1 = frozenset(self.oblasts) | frozenset(AFGHAN_PROVINCES)
        adm2 = frozenset(self.districts)
        return {"adm0": adm0, "adm1": adm1, "adm2": adm2}.get(level, adm0 | adm1 | adm2)

    def described(self, level: str) -> str:
        """Say in words which codes a level takes."""
        return {
            "adm0": f"an ISO 3166-1 code ({', '.join(sorted(self.codes('adm0')))})",
            "adm1": "an oblast of the region by ISO 3166-2",
            "adm2": "a code of the table of districts",
        }.get(level, "a known district, oblast or country")

    def suggestion(self, found: str, level: str) -> str:
        """Say what was probably meant by a code that the level does not have."""
        for other, word in (("adm2", "a district"), ("adm1", "an oblast"), ("adm0", "a country")):
            if other != level and level != "point" and found in self.codes(other):
                return f"{found} is {word}: its level is {other}."
        same_country = sorted(code for code in self.oblasts if code[:3] == found[:3])
        if level == "adm1" and same_country and re.fullmatch(r"[A-Z]{2}-[A-Z0-9]{1,3}", found):
            return f"Those of the country are {', '.join(same_country)}."
        names = {
            "adm0": self.countries,
            "adm1": self.oblasts,
            "adm2": self.districts,
        }.get(level, self.countries | self.oblasts | self.districts)
        folded = found.strip().casefold()
        same = sorted(code for code, name in names.items() if name.casefold() == folded)
        if same:
            return f"Did you mean {' or '.join(same[:4])}?"
        by_fold = {code.casefold(): code for code in self.codes(level)}
        if folded in by_fold:
            return f"Did you mean '{by_fold[folded]}'?"
        cutoff = 0.65 if len(folded) <= 3 else 0.75
        close = get_close_matches(folded, list(by_fold), n=1, cutoff=cutoff)
        if close:
            code = by_fold[close[0]]
            name = names.get(code, "")
            return f"Did you mean '{code}'{f' ({name})' if name not in ('', code) else ''}?"
        return "The codes are in indicators/districts/districts.csv."


def known_areas(districts: pd.DataFrame) -> Areas:
    """Take the codes of all three levels from the table of districts.

    Parameters
    ----------
    districts
        Columns ``district``, ``country`` and ``oblast``; the names where they are given.
    """
    names = districts.get("name", districts["district"])
    oblast_names = districts.get("oblast_name", districts["oblast"])
    return Areas(
        countries={code: code for code in districts["country"].dropna().unique()},
        oblasts=_named(districts["oblast"], oblast_names),
        districts=_named(districts["district"], names),
    )


def _named(codes: pd.Series, names: pd.Series) -> dict[str, str]:
    pairs = zip(codes, names.where(names.notna(), codes), strict=True)
    return {str(code): str(name) for code, name in pairs if pd.notna(code)}
