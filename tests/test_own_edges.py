"""A user's own neighbours of districts: read, checked all at once, and used."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from threatkit.config import load_config
from threatkit.data.edges import read_edges
from threatkit.errors import Fault, InvalidInput
from threatkit.geo.boundaries import load_boundaries
from threatkit.inputs import own_graph
from threatkit.model.panel import neighbour_mean

BATKEN, ISFARA, SOKH = "KG-B-batken", "TJ-SU-isfara", "UZ-FA-sokh"


def write(path: Path, text: str) -> Path:
    file = path / "edges.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_countries_and_lengths_are_those_of_the_pairs(tmp_path: Path) -> None:
    file = write(tmp_path, "to,border_km,from\nKG-B-batken,4,UZ-FA-sokh\nA,1,KG-B-batken\n")
    areas, countries = pd.Index(["A", BATKEN, SOKH]), np.array(["KGZ", "KGZ", "UZB"], dtype=object)
    graph = read_edges(file, areas, [], countries=countries)
    assert graph is not None
    assert graph.edges.to_dict("records") == [
        {"a": "A", "b": BATKEN, "border_km": 1.0, "international": False},
        {"a": BATKEN, "b": SOKH, "border_km": 4.0, "international": True},
    ]
    np.testing.assert_allclose(neighbour_mean(graph, np.array([[0.0], [7.0], [10.0]]))[1], 8.0)


def test_without_lengths_all_neighbours_count_the_same(tmp_path: Path) -> None:
    graph = read_edges(write(tmp_path, "from,to\nb,a\nb,c\n"), pd.Index(list("abcd")), [])
    assert graph is not None
    mean = neighbour_mean(graph, np.array([[0.0], [7.0], [10.0], [3.0]]))
    assert mean.ravel().tolist() == [7.0, 5.0, 7.0, 0.0]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        f"from,to,border_km\n{BATKEN},{ISFARA},3\n{ISFARA},{BATKEN},3\n{SOKH},{SOKH},1\n"
        f"KG-B-batkenn,{SOKH},1\n{BATKEN},{SOKH},0\n{ISFARA},{SOKH},\n",
    )
    with pytest.raises(InvalidInput) as caught:
        own_graph(file, load_boundaries())
    told = "\n".join(map(str, caught.value.faults))
    for words in (
        "row 3: each pair of neighbours",
        "row 2 already",
        "row 4, column 'to': an edge joins two different",
        "row 5, column 'from': an edge joins two areas that have an outline",
        "Did you mean 'KG-B-batken'?",
        "row 6, column 'border_km': a border has a length above 0 km",
        "row 7, column 'border_km'",
    ):
        assert words in told
    assert len(caught.value.faults) == 5


def test_the_configuration_knows_its_place(tmp_path: Path) -> None:
    write(tmp_path, "from,to\n")
    file = tmp_path / "threatkit.toml"
    file.write_text('edges = "edges.csv"\n', encoding="utf-8")
    assert load_config(file).edges == tmp_path / "edges.csv"
    with pytest.raises(InvalidInput, match="none"):
        load_config(file, edges=Path("none.csv"))


def test_a_large_list_is_read_whole(tmp_path: Path) -> None:
    n = 40_000
    start = np.repeat(np.arange(n), 2)
    end = (start + np.tile([1, 7], n)) % n
    file = tmp_path / "edges.csv"
    pd.DataFrame({"from": start, "to": end}).to_csv(file, index=False)
    faults: list[Fault] = []
    graph = read_edges(file, pd.Index([str(i) for i in range(n)]), faults)
    assert not faults
    assert graph is not None
    assert len(graph.edges) == 2 * n
    assert graph.components().max() == 0
