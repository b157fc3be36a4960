"""The catalogue: what it returns, how a user's packages lie over the shipped, what it costs."""

import json
import subprocess
import sys
import time
from hashlib import sha256

import pandas as pd
import pytest
from data_packages import (
    INDICATOR,
    ROW,
    SOURCES,
    VALUES_HEADER,
    descriptor,
    resource,
    write_districts,
    write_package,
    write_values,
)
from hypothesis import given
from hypothesis import strategies as st

from threatkit.data import drafts
from threatkit.data.catalogue import load_catalogue
from threatkit.derive import descriptors
from threatkit.errors import InvalidInput

VALUES = [*VALUES_HEADER.split(","), "package", "file", "row"]


@pytest.fixture
def own(tmp_path):
    write_districts(tmp_path / "own" / "districts")
    write_values(tmp_path / "own" / "youth")
    return tmp_path / "own"


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """Put two shipped packages, with their hashes, in the place of the real ones."""
    root = tmp_path / "shipped"
    write_districts(root / "districts")
    write_values(root / "youth")
    monkeypatch.setattr(drafts, "data_dir", lambda kind: root)
    monkeypatch.setattr(descriptors, "data_dir", lambda kind: root)
    assert descriptors.main([]) == 0
    return root


@pytest.fixture(scope="module")
def real():
    """Return the catalogue of the packages that ship."""
    return load_catalogue()


def test_values_trace_back_to_their_file(own):
    other = descriptor("more", resource("geometry", VALUES_HEADER), indicators=())
    other["resources"].append(descriptor()["resources"][1])
    rows = "\n".join([VALUES_HEADER, ROW.replace("2024", "2022"), ROW.replace("2024", "2023")])
    write_package(own / "more", other, {"geometry.csv": rows, "sources.csv": SOURCES})
    values = load_catalogue([own], shipped=False).values
    assert list(values.columns) == VALUES
    assert values[["package", "file", "row"]].to_numpy().tolist() == [
        ["more", "geometry.csv", 2],
        ["more", "geometry.csv", 3],
        ["youth", "values.csv", 2],
    ]
    assert values["period"].tolist() == ["2022", "2023", "2024"]
    assert values["value"].dtype == "float64"
    assert values["credibility"].dtype == "int64"
    assert values["note"].isna().all()


def test_indicators(own):
    table = load_catalogue([own], shipped=False).indicators
    assert table.index.name == "indicator"
    assert list(table.columns) == [*(key for key in INDICATOR if key != "name"), "package"]
    row = table.loc["youth_share"]
    assert (row["minimum"], row["maximum"]) == (0.0, 100.0)
    assert (row["use"], row["package"]) == (True, "youth")
    assert pd.isna(row["per"])


def test_a_declaration_may_leave_out_what_has_a_default(own):
    short = {k: v for k, v in INDICATOR.items() if k not in ("use", "per", "minimum", "maximum")}
    write_values(own / "youth", content=descriptor(indicators=(short,)))
    row = load_catalogue([own], shipped=False).indicators.loc["youth_share"]
    assert bool(row["use"]) is True
    assert pd.isna(row["maximum"])


def test_districts(own):
    districts = load_catalogue([own], shipped=False).districts
    assert districts.index.name == "district"
    assert districts.index.tolist()[:2] == ["KG-B-batken", "KG-B-leilek"]
    assert districts["population"].dtype == "float64"
    assert districts["population"].isna().tolist() == [False, True, False, False]
    assert districts["fergana"].dtype == bool
    assert districts["fergana"].tolist() == [True, True, False, True]


def test_frames_are_the_callers_own(own):
    catalogue = load_catalogue([own], shipped=False)
    values, districts = catalogue.values, catalogue.districts
    values.loc[0, "value"] = -1.0
    districts.loc["KG-B-batken", "population"] = 0.0
    assert catalogue.values.loc[0, "value"] == 31.5
    assert catalogue.districts.loc["KG-B-batken", "population"] == 95000


def test_tables_packages_and_hashes(own):
    catalogue = load_catalogue([own], shipped=False)
    assert [package.name for package in catalogue.packages] == ["districts", "youth"]
    raw = (own / "youth" / "values.csv").read_bytes()
    assert catalogue.hashes["youth/values.csv"] == sha256(raw).hexdigest()
    assert "youth/datapackage.json" in catalogue.hashes
    assert catalogue.package("youth").tables["values"].index.name == "row"
    assert catalogue.has_table("sources")
    assert catalogue.sources["path"].tolist() == ["https://example.org/s1"]
    with pytest.raises(InvalidInput, match="package 'x': the package is in the catalogue"):
        catalogue.package("x")
    with pytest.raises(InvalidInput, match="table 'events': a package of the catalogue has"):
        _ = catalogue.events


def test_types(own):
    header = "a,b,c,d,e,f"
    kinds = {"a": "integer", "b": "number", "c": "boolean", "d": "date", "e": "year"}
    content = descriptor("typed", resource("things", header, kinds), indicators=())
    body = f"{header}\n1,1.5,true,2024-02-29,1999,x\n,-2e3,0,,,\n"
    write_package(own / "typed", content, {"things.csv": body})
    frame = load_catalogue([own], shipped=False).package("typed").tables["things"]
    assert frame.dtypes.astype(str).tolist()[:3] == ["Int64", "float64", "boolean"]
    assert frame["d"].dtype.kind == "M"
    assert frame["d"].tolist()[0] == pd.Timestamp(2024, 2, 29)
    assert frame["e"].dtype == "Int64"
    assert frame["f"].dtype == "str"
    assert frame["b"].tolist() == [1.5, -2000.0]
    assert frame.isna().to_numpy().tolist() == [[False] * 6, [True, False, False, True, True, True]]


def test_a_users_package_lies_over_the_shipped(own, shipped):
    (own / "districts" / "datapackage.json").unlink()
    (own / "districts" / "districts.csv").unlink()
    write_values(own / "youth", ROW.replace("31.5", "99"))
    write_values(own / "new", ROW.replace("2024", "2020"), content=descriptor("new", indicators=()))
    catalogue = load_catalogue([own])
    assert {p.name: p.path.parent.name for p in catalogue.packages} == {
        "districts": "shipped",
        "new": "own",
        "youth": "own",
    }
    assert sorted(catalogue.values["value"]) == [31.5, 99.0]


def test_a_later_folder_lies_over_an_earlier(own, tmp_path):
    write_values(tmp_path / "later", ROW.replace("31.5", "7"))
    catalogue = load_catalogue([own, tmp_path / "later"], shipped=False)
    assert catalogue.values["value"].tolist() == [7.0]


def test_without_the_shipped_only_the_districts_stay(own, shipped):
    catalogue = load_catalogue([], shipped=False)
    assert [package.name for package in catalogue.packages] == ["districts"]
    assert len(load_catalogue().packages) == 2


def test_shipped_files_must_have_their_hash(shipped):
    path = shipped / "youth" / "values.csv"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(InvalidInput, match=r"has the hash and bytes that its descriptor says"):
        load_catalogue()
    content = json.loads((shipped / "youth" / "datapackage.json").read_text())
    for item in content["resources"]:
        del item["hash"]
    (shipped / "youth" / "datapackage.json").write_text(json.dumps(content))
    with pytest.raises(InvalidInput, match=r"the descriptor has the file's hash, found nothing"):
        load_catalogue()


def test_descriptors_are_renewed_and_checked(shipped, caplog):
    path = shipped / "youth" / "datapackage.json"
    fresh = path.read_bytes()
    assert descriptors.main(["--check"]) == 0
    assert descriptors.main(["youth"]) == 0
    assert path.read_bytes() == fresh
    assert fresh.endswith(b"}\n")
    write_values(shipped / "youth", ROW.replace("31.5", "32"), content=json.loads(fresh))
    assert descriptors.main(["--check", "youth"]) == 1
    assert "is out of date: run python -m threatkit.derive.descriptors" in caplog.text
    assert descriptors.main(["--check", "districts"]) == 0
    assert descriptors.main([str(shipped / "youth")]) == 0
    assert descriptors.main(["--check"]) == 0
    assert load_catalogue().values["value"].tolist() == [32.0]


def test_a_descriptor_that_cannot_be_renewed(shipped, caplog):
    (shipped / "youth" / "values.csv").unlink()
    assert descriptors.main([]) == 3
    assert "the file of a package can be read, found No such file" in caplog.text
    (shipped / "youth" / "datapackage.json").write_text("{")
    assert descriptors.main(["youth"]) == 3
    assert "the descriptor is JSON with 'resources'" in caplog.text


TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20
)
NUMBERS = st.floats(0, 100, allow_nan=False).map(lambda x: x + 0.0)


@given(st.lists(st.tuples(NUMBERS, TEXT | st.none()), min_size=1, max_size=8))
def test_values_written_by_pandas_read_back(tmp_path_factory, facts):
    folder = tmp_path_factory.mktemp("trip")
    write_districts(folder / "districts")
    frame = pd.DataFrame(
        {
            **dict(zip(VALUES_HEADER.split(","), ROW.split(","), strict=True)),
            "period": [str(1990 + n) for n in range(len(facts))],
            "value": [value for value, _ in facts],
            "note": pd.array([note for _, note in facts], dtype="str"),
        }
    )
    body = frame.to_csv(index=False, lineterminator="\n")
    write_package(folder / "youth", descriptor(), {"values.csv": body, "sources.csv": SOURCES})
    values = load_catalogue([folder], shipped=False).values
    assert values["value"].tolist() == frame["value"].tolist()
    assert values["note"].fillna("").tolist() == frame["note"].fillna("").tolist()
    assert values["period"].tolist() == frame["period"].tolist()


def test_data_needs_no_sampler_and_no_map():
    code = (
        "import sys, threatkit.data.catalogue, threatkit.data.periods;"
        "import threatkit.derive.descriptors;"
        "heavy = ('pymc', 'pytensor', 'folium', 'arviz', 'geopandas');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


SHIPPED = (
    "afghan_border",
    "districts",
    "extremism_proxies",
    "security_events",
    "youth_unemployment",
)


def test_the_shipped_packages_pass(real):
    assert tuple(package.name for package in real.packages) == SHIPPED
    assert all(package.path.name == package.name for package in real.packages)
    assert set(real.values["indicator"]) <= set(real.indicators.index)
    assert real.values[["value", "unit", "source_id"]].notna().all(axis=None)
    assert real.districts.index.is_unique
    assert real.districts["fergana"].any()
    assert {"covered", "partial", "none"} >= set(real.coverage["coverage"])
    assert real.events["event_id"].is_unique


def test_every_shipped_value_has_a_source_that_can_be_followed(real):
    keys = ["package", "source_id"]
    joined = real.values.merge(real.sources[[*keys, "path"]], on=keys, how="left")
    assert len(joined) == len(real.values)
    assert joined["path"].notna().all()


def test_shipped_descriptors_are_fresh():
    assert descriptors.main(["--check"]) == 0


@pytest.mark.parametrize("name", SHIPPED)
def test_frictionless_agrees(repository, name):
    code = (
        "import sys, frictionless; "
        "report = frictionless.validate(sys.argv[1]); "
        "print(report.flatten(['type', 'rowNumber', 'message'])); "
        "sys.exit(not report.valid)"
    )
    path = repository / "indicators" / name / "datapackage.json"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=False,
        cwd=repository,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_shipped_packages_are_checked_within_five_seconds(repository):
    code = "from threatkit.data.catalogue import load_catalogue; load_catalogue()"
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, cwd=repository)
    assert time.perf_counter() - start < 5
