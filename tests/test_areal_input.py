"""Bad input of a researcher: each fault is told with file, row, rule and way out, all at once."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from threatkit.areal.data import ArealData, load_areal
from threatkit.areal.fit import fit_areal
from threatkit.areal.fitted import ArealFit
from threatkit.areal.laplace import laplace_areal
from threatkit.cli import threatkit
from threatkit.errors import InvalidInput

CONFIG = """
[areas]
counts = "counts.csv"
count = "count"
exposure = "expected"
edges = "edges.csv"
[model]
likelihood = "poisson"
covariates = ["x"]
"""
GROUPS = """
[groups]
covariate = "w"
table = "groups.csv"
group = "group"
weight = "population"
"""
COUNTS = """area,count,expected,x,other
a,3,2.5,1,text
b,0,1.5,2,
c,7,3.0,4,
d,1,0.5,3,
"""
EDGES = "from,to\na,b\nb,c\n"
GROUP_COUNTS = """area,count,expected,x,w,w_se,group,population
a,3,2.5,1,10,2,north,100
b,0,1.5,2,,,north,300
c,7,3.0,4,30,4,south,50
d,1,0.5,3,,,,
"""
GROUP_TABLE = "group,w,w_se\nnorth,12,1\nsouth,,\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a configuration and its files, and returns its path."""

    def write_files(config: str = CONFIG, **files: str | bytes) -> Path:
        contents: dict[str, str | bytes] = {"counts": COUNTS, "edges": EDGES, **files}
        for name, content in contents.items():
            raw = content.encode() if isinstance(content, str) else content
            (tmp_path / f"{name}.csv").write_bytes(raw)
        path = tmp_path / "fit.toml"
        path.write_text(config, encoding="utf-8")
        return path

    return write_files


def faults(path: Path) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        load_areal(path)
    return [str(fault) for fault in caught.value.faults]


def only(path: Path) -> str:
    (fault,) = faults(path)
    return fault


def load(path: Path) -> ArealData:
    return load_areal(path)[1]


def test_good_files_are_read(write: Callable[..., Path]) -> None:
    data = load(write())
    assert data.areas == ("a", "b", "c", "d")
    np.testing.assert_array_equal(data.count, [3, 0, 7, 1])
    np.testing.assert_array_equal(data.exposure, [2.5, 1.5, 3.0, 0.5])
    x = data.covariates["x"].to_numpy()
    assert x.mean() == pytest.approx(0, abs=1e-12)
    assert x.std() == pytest.approx(1)
    assert [tuple(pair) for pair in data.graph.pairs()] == [(0, 1), (1, 2)]
    assert data.graph.components().tolist() == [0, 0, 0, 1]
    assert "islands: 1" in data.notes[0]


@pytest.mark.parametrize(
    ("edges", "words"),
    [
        ("from,to\na,b\nb,zz\n", ("edges.csv, row 3, column 'to'", "'zz'")),
        ("from,to\na,b\nb,b\n", ("edges.csv, row 3", "two different areas")),
        ("from,to\na,b\nb,c\na,b\n", ("edges.csv, row 4", "row 2 already", "Delete")),
        ("from,to\na,b\nb,c\nb,a\n", ("edges.csv, row 4", "either way round", "'b' and 'a'")),
        ("from,to\na,b\n\nb,B\n", ("edges.csv, row 4", "Did you mean 'b'?")),
        ("from,to\na,b\nb,\n", ("edges.csv, row 3, column 'to'", "an empty cell")),
        ("from,too\na,b\n", ("edges.csv, row 1", "column 'to'", "Did you mean")),
        ("from;to\na;b\n", ("edges.csv, row 1", "semicolons")),
        ("from,to\na,b\nb,c,d\n", ("edges.csv, row 3", "2 cells", "found 3")),
        ("", ("edges.csv", "begins with a header")),
        ("\n", ("edges.csv", "begins with a header")),
        (b"from,to\na,b\xff\n", ("edges.csv", "UTF-8", "0xff")),
        (b"from,to\0\na,b\n", ("edges.csv", "NUL")),
        ('from,to\na,"b\n', ("edges.csv", "quotes")),
        ("from,from,to\na,b,c\n", ("edges.csv, row 1", "stands once")),
    ],
)
def test_a_bad_graph_is_told(
    write: Callable[..., Path], edges: str | bytes, words: tuple[str, ...]
) -> None:
    fault = only(write(edges=edges))
    assert all(word in fault for word in words), fault


def test_a_pair_may_stand_either_way(write: Callable[..., Path]) -> None:
    data = load(write(edges="from,to\nb,a\nc,b\n"))
    assert data.graph.edges[["a", "b"]].to_numpy().tolist() == [["a", "b"], ["b", "c"]]


def test_a_header_alone_means_islands(write: Callable[..., Path]) -> None:
    assert "islands: 4" in load(write(edges="from,to\n")).notes[0]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("d,-1,0.5,3,", ("row 5, column 'count'", "not negative", "'-1'")),
        ("d,1.5,0.5,3,", ("row 5, column 'count'", "whole number", "rate")),
        ("d,two,0.5,3,", ("row 5, column 'count'", "'two'")),
        ("d,inf,0.5,3,", ("row 5, column 'count'", "'inf'")),
        ("d,1e300,0.5,3,", ("row 5, column 'count'", "'1e300'")),
        ("d,1,,3,", ("row 5, column 'expected'", "with a count has an exposure", "predicted")),
        ("d,1,0,3,", ("row 5, column 'expected'", "exposure above 0")),
        ("d,1,-2,3,", ("row 5, column 'expected'", "not negative")),
        ("d,1,0.5,,", ("row 5, column 'x'", "known in every area", "[groups]")),
        ("d,1,0.5,high,", ("row 5, column 'x'", "'high'")),
        ("a,1,0.5,3,", ("row 5, column 'area'", "one row", "'a'")),
        (",1,0.5,3,", ("row 5, column 'area'", "has a code")),
    ],
)
def test_a_bad_row_is_told(write: Callable[..., Path], row: str, words: tuple[str, ...]) -> None:
    counts = COUNTS.replace("d,1,0.5,3,", row)
    fault = only(write(counts=counts))
    assert fault.startswith("counts.csv, ")
    assert all(word in fault for word in words), fault


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ("", ("begins with a header",)),
        ("area,count,expected,x\n", ("at least one row",)),
        ("area,count,x\na,1,2\n", ("column 'expected'",)),
        ("area,count,expected,x\na,1,2,5\nb,1,2,5\n", ("differs between areas", "5 everywhere")),
    ],
)
def test_a_bad_table_is_told(
    write: Callable[..., Path], counts: str, words: tuple[str, ...]
) -> None:
    fault = only(write(counts=counts, edges="from,to\n"))
    assert all(word in fault for word in words), fault


def test_collinear_covariates_are_named(write: Callable[..., Path]) -> None:
    counts = "area,count,expected,x,y,z\na,1,1,1,5,8\nb,2,1,2,1,7\nc,3,1,4,4,16\nd,0,1,7,2,23\n"
    config = CONFIG.replace('["x"]', '["x", "y", "z"]')
    fault = only(write(config, counts=counts))
    assert "column 'z'" in fault
    assert "x, y" in fault


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('sigma = "normal(0, 1)"', ("[priors], key 'sigma'", "positive")),
        ('sigma = "half_normal(-1)"', ("key 'sigma'", "above 0")),
        ('sigma = "pc(1, 1.5)"', ("key 'sigma'", "between 0 and 1")),
        ('sigma = "flat()"', ("key 'sigma'", "FAMILY")),
        ('intercept = "uniform(0, 1)"', ("key 'intercept'", "FAMILY")),
        ('intercept = "normal(0, inf)"', ("key 'intercept'", "finite")),
        ('phi = "half_normal(1)"', ("key 'phi'", "unit")),
        ("beta = 3", ("key 'beta'", "text")),
        ('sigme = "pc(1, 0.01)"', ("key 'sigme'", "Did you mean 'sigma'?")),
    ],
)
def test_a_bad_prior_is_told(write: Callable[..., Path], line: str, words: tuple[str, ...]) -> None:
    fault = only(write(f"{CONFIG}\n[priors]\n{line}\n"))
    assert all(word in fault for word in words), fault


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"counts.csv"', '"count.csv"', ("key 'counts'", "does not exist")),
        ('edges = "edges.csv"', "", ("key 'edges'", "edges or from polygons", "neither")),
        ('count = "count"', "", ("key 'count'", "must be given")),
        ('likelihood = "poisson"', 'likelihood = "normal"', ("poisson, nb1, nb2",)),
        ('likelihood = "poisson"', 'liklihood = "nb1"', ("Did you mean 'likelihood'?",)),
        ("[model]", "[modle]", ("Did you mean 'model'?",)),
        ('["x"]', '["x", "x"]', ("no column stands twice",)),
        ("[areas]", "[area]", ("key 'area'", "Did you mean 'areas'?")),
    ],
)
def test_a_bad_configuration_is_told(
    write: Callable[..., Path], old: str, new: str, words: tuple[str, ...]
) -> None:
    text = "\n".join(faults(write(CONFIG.replace(old, new))))
    assert all(word in text for word in words), text


def test_a_configuration_that_is_not_toml_is_told(write: Callable[..., Path]) -> None:
    assert "not TOML" in only(write("[areas\n"))


def test_all_faults_come_at_once(write: Callable[..., Path]) -> None:
    config = CONFIG + '[priors]\nsigma = "half_normal(-1)"\n'
    counts = COUNTS.replace("b,0,1.5", "b,-3,1.5").replace("c,7,3.0", "c,7,0")
    text = faults(write(config, counts=counts, edges="from,to\na,a\nq,b\n"))
    assert len(text) == 5


def test_many_faults_of_one_kind_are_counted(write: Callable[..., Path]) -> None:
    edges = "from,to\n" + "".join(f"a,n{i}\n" for i in range(1000))
    text = faults(write(edges=edges))
    assert len(text) == 6
    assert "995 more rows" in text[-1]


def test_the_command_leaves_with_3_and_writes_nothing(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    path = write(edges="from,to\na,zz\n")
    out = tmp_path / "out"
    result = CliRunner().invoke(threatkit, ["fit", str(path), "--seed", "1", "--out", str(out)])
    assert result.exit_code == 3
    assert "'zz'" in result.stderr
    assert not out.exists()


def test_missing_counts_and_no_event_are_said_plainly(write: Callable[..., Path]) -> None:
    counts = COUNTS.replace("a,3,2.5", "a,NA,").replace("c,7,", "c,0,").replace("d,1,", "d,0,")
    data = load(write(counts=counts))
    assert data.observed.tolist() == [False, True, True, True]
    text = " ".join(data.notes)
    assert "no event in any area" in text
    assert "areas without a count or exposure: 1" in text


def test_nothing_known_is_the_prior(write: Callable[..., Path]) -> None:
    counts = "area,count,expected,x\na,,1,1\nb,,,2\n"
    assert "posterior is the prior's" in " ".join(
        load(write(counts=counts, edges=EDGES[:12])).notes
    )


def test_windows_files_are_read(write: Callable[..., Path]) -> None:
    counts = "\ufeff" + COUNTS.replace("\n", "\r\n")
    assert load(write(counts=counts)).areas == ("a", "b", "c", "d")


def test_codes_that_look_like_numbers_stay_text(write: Callable[..., Path]) -> None:
    counts = "area,count,expected,x\n01,1,1,1\n02,2,1,2\nNA,2,1,3\n"
    data = load(write(counts=counts, edges="from,to\n01,02\n02,NA\n"))
    assert data.areas == ("01", "02", "NA")


def test_groups_are_read(write: Callable[..., Path]) -> None:
    data = load(write(CONFIG + GROUPS, counts=GROUP_COUNTS, groups=GROUP_TABLE))
    assert data.groups is not None
    np.testing.assert_array_equal(data.groups.x, [10, 30, 12])
    np.testing.assert_array_equal(data.groups.se, [2, 4, 1])
    np.testing.assert_allclose(data.groups.weight, [[0.25, 0.75, 0, 0]])
    assert data.groups.group == ("north",)


def test_a_table_of_groups_may_call_its_key_group(write: Callable[..., Path]) -> None:
    config = CONFIG + GROUPS.replace('group = "group"', 'group = "region"')
    counts = GROUP_COUNTS.replace(",group,", ",region,")
    assert load(write(config, counts=counts, groups=GROUP_TABLE)).groups is not None
    renamed = GROUP_TABLE.replace("group,", "region,")
    assert load(write(config, counts=counts, groups=renamed)).groups is not None


@pytest.mark.parametrize(
    ("counts", "table", "words"),
    [
        (GROUP_COUNTS, "group,w,w_se\nwest,1,1\n", ("groups.csv, row 2", "'west'", "counts.csv")),
        (GROUP_COUNTS, "group,w,w_se\nnorth,1,\n", ("groups.csv, row 2, column 'w_se'",)),
        (GROUP_COUNTS, "group,w,w_se\nnorth,1,0\n", ("above 0",)),
        (GROUP_COUNTS, "group,w,w_se\nnorth,1,1\nnorth,2,1\n", ("row 3", "one row")),
        (GROUP_COUNTS, "", ("groups.csv", "header")),
        (GROUP_COUNTS.replace("300", "-3"), GROUP_TABLE, ("'population'", "not negative")),
        (GROUP_COUNTS.replace("300", ""), GROUP_TABLE, ("'population'", "has a weight")),
        (
            GROUP_COUNTS.replace("100", "0").replace("300", "0"),
            GROUP_TABLE,
            ("sum above 0", "north"),
        ),
        (GROUP_COUNTS.replace("10,2,north", "10,,north"), GROUP_TABLE, ("row 2, column 'w_se'",)),
        (
            GROUP_COUNTS.replace("10,2,", ",,").replace("30,4,", ",,"),
            "group,w,w_se\nsouth,,\n",
            ("known somewhere",),
        ),
    ],
)
def test_bad_groups_are_told(
    write: Callable[..., Path], counts: str, table: str, words: tuple[str, ...]
) -> None:
    fault = only(write(CONFIG + GROUPS, counts=counts, groups=table))
    assert all(word in fault for word in words), fault


def test_a_covariate_is_known_exactly_or_with_error(write: Callable[..., Path]) -> None:
    config = CONFIG.replace('["x"]', '["w"]') + GROUPS
    text = "\n".join(faults(write(config, counts=GROUP_COUNTS, groups=GROUP_TABLE)))
    assert "with error under [groups]" in text


def test_a_million_edges_are_read_quickly(write: Callable[..., Path]) -> None:
    size = 2000
    rng = np.random.default_rng(1)
    pairs = np.unique(np.sort(rng.integers(0, size, (1_300_000, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]][:1_000_000]
    names = np.array([f"N{i:04d}" for i in range(size)], dtype=object)
    edges = pd.DataFrame(names[pairs], columns=["from", "to"]).to_csv(index=False)
    counts = pd.DataFrame(
        {"area": names, "count": 1, "expected": 1.0, "x": np.arange(size)}
    ).to_csv(index=False)
    path = write(counts=counts, edges=edges)
    begun = time.monotonic()
    data = load(path)
    assert time.monotonic() - begun < 20
    assert len(data.graph.edges) == len(pairs)


@pytest.mark.parametrize("engine", [fit_areal, laplace_areal])
def test_too_many_areas_are_refused_before_anything_is_computed(
    write: Callable[..., Path], engine: Callable[..., ArealFit]
) -> None:
    names = [f"N{i}" for i in range(6000)]
    counts = pd.DataFrame({"area": names, "count": 1, "expected": 1.0, "x": np.arange(6000)})
    config, data = load_areal(write(counts=counts.to_csv(index=False), edges="from,to\nN1,N2\n"))
    with pytest.raises(InvalidInput, match=r"at most 5,000 areas, found 6,000"):
        engine(config, data, seed=1)


def test_outlines_give_neighbours(write: Callable[..., Path], tmp_path: Path) -> None:
    features = [
        f'{{"type": "Feature", "properties": {{"code": "{name}"}}, "geometry": {{"type": "Polygon",'
        f' "coordinates": [[[{x}, 56], [{x + 1}, 56], [{x + 1}, 57], [{x}, 57], [{x}, 56]]]}}}}'
        for name, x in (("a", -5), ("b", -4), ("c", -3), ("d", 2))
    ]
    text = f'{{"type": "FeatureCollection", "features": [{", ".join(features)}]}}'
    (tmp_path / "areas.geojson").write_text(text, encoding="utf-8")
    config = CONFIG.replace('edges = "edges.csv"', 'polygons = "areas.geojson"\nid = "code"')
    data = load(write(config))
    assert data.graph.edges[["a", "b"]].to_numpy().tolist() == [["a", "b"], ["b", "c"]]
    text = "\n".join(faults(write(config, counts=COUNTS.replace("d,1", "e,1"))))
    assert "none for 'e'" in text
    assert "'d'" in text
