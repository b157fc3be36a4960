"""The fast engine for own areas: its density is the PyMC model's, its answers are those of nuts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from scipy import stats

from tests.areas import LIP, grid, simulated, write_groups
from threatkit.areal.config import ArealConfig
from threatkit.areal.counts import Counts, log_rising
from threatkit.areal.data import ArealData, load_areal
from threatkit.areal.density import ArealDensity
from threatkit.areal.laplace import laplace_areal
from threatkit.areal.model import build_areal
from threatkit.areal.results import summarise_areas, summarise_parameters
from threatkit.cli import threatkit
from threatkit.model.coordinates import Values
from threatkit.model.priors import Prior
