"""How near each district lies to Afghanistan, and how long a border it shares with it."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from threatkit.geo.boundaries import EQUAL_AREA
from threatkit.geo.graph import SNAP_M


def afghan_exposure(boundaries: gpd.GeoDataFrame, afghan: gpd.GeoDataFrame) -> pd.DataFrame:
    """Measure distance to, and border with, the Afghan districts.

    The distance is from outline to outline, not from centres. The nearest pair of points is
    found in the equal-area projection and measured on the ellipsoid.

    Parameters
    ----------
    boundaries
        As from :func:`threatkit.geo.boundaries.load_boundaries`.
    afghan
        As from :func:`threatkit.geo.boundaries.load_afghan_districts`.

    Returns
    -------
    pd.DataFrame
        Index ``district``; ``distance_km`` (0 where it touches, higher is farther) and
        ``border_km`` (0 where it does not touch).
    """
    shapes = np.asarray(boundaries.geometry.to_crs(EQUAL_AREA))
    south = shapely.union_all(np.asarray(afghan.geometry.to_crs(EQUAL_AREA)))
    distance = _ellipsoidal_km(shapely.shortest_line(shapes, south))
    near = shapely.dwithin(shapes, south, SNAP_M)
    border = np.zeros(len(shapes))
    border[near] = _shared_km(shapes[near], south)
    return pd.DataFrame(
        {"distance_km": np.where(border > 0, 0.0, distance), "border_km": border},
        index=pd.Index(boundaries.index, name="district"),
    )


def _ellipsoidal_km(lines: NDArray[np.object_]) -> NDArray[np.float64]:
    ends = shapely.get_coordinates(lines).reshape(-1, 4)
    back = pyproj.Transformer.from_crs(EQUAL_AREA, 4326, always_xy=True)
    lon0, lat0 = back.transform(ends[:, 0], ends[:, 1])
    lon1, lat1 = back.transform(ends[:, 2], ends[:, 3])
    _, _, metres = pyproj.Geod(ellps="WGS84").inv(lon0, lat0, lon1, lat1)
    return np.asarray(metres, dtype=float) / 1000


def _shared_km(shapes: NDArray[np.object_], south: shapely.Geometry) -> NDArray[np.float64]:
    """Return the length of each outline along the other side, in km.

    Outlines that match point for point are measured exactly; where they do not, the part
    within reach counts.
    """
    lines = shapely.boundary(shapes)
    exact = shapely.length(shapely.intersection(lines, shapely.boundary(south)))
    loose = shapely.length(shapely.intersection(lines, shapely.buffer(south, SNAP_M)))
    matched = exact > 0.5 * (loose - 2 * SNAP_M)
    return np.asarray(np.where(matched, exact, np.maximum(loose - 2 * SNAP_M, 0.0)) / 1000)
