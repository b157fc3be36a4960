"""Imports point down only, and the lower layers need neither PyMC nor folium."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "threatkit"

#: Layer by module or package, the lowest first; a module imports from its own or below.
LAYERS = (
    {"errors", "__init__"},
    {"paths", "keys", "csvtext", "schemas", "progress", "options", "columns", "machine"},
    {"config", "sections", "store", "wholefile"},
    {"finished", "executor", "priorfile"},
    {"geo", "data"},
    {"model"},
    {"areal"},
    {"scores", "archive"},
    {"evaluate", "report"},
    {"export"},
    {"elicitation", "inputs", "pipeline", "calibrate", "record", "doctor", "workspace", "compare"},
    {"brief", "rolling", "keptinputs", "checks", "differences", "attribution", "graphs", "repeat"},
    {"cli"},
    {"__main__"},
)
LIGHT = (
    "threatkit.config",
    "threatkit.store",
    "threatkit.executor",
    "threatkit.schemas",
    "threatkit.data.catalogue",
    "threatkit.geo.graph",
    "threatkit.geo.distances",
    "threatkit.model.spec",
    "threatkit.areal.data",
    "threatkit.scores",
    "threatkit.cli",
)
#: Run on their own, and imported by nothing else.
ALONE = {"bootstrap", "derive"}


def part_of(module: str) -> str:
    words = module.split(".")
    return words[1] if len(words) > 1 else "__init__"


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the modules of the package that a file imports, TYPE_CHECKING included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("threatkit")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("threatkit"):
            assert node.module is not None
            if node.module == "threatkit":
                found |= {f"threatkit.{alias.name}" for alias in node.names}
            else:
                found.add(node.module)
    return {name for name in found if name != "threatkit.__version__"}


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    level = {part: number for number, parts in enumerate(LAYERS) for part in parts}
    if own in ALONE:
        return
    assert own in level, f"give '{own}' a place in LAYERS"
    for module in imported(path):
        part = part_of(module)
        assert part not in ALONE, f"{path} imports {module}"
        assert level[part] <= level[own], f"{path} imports {module}, which lies above it"


def test_the_bootstrap_stands_alone() -> None:
    for name in ("bootstrap.py", "__init__.py"):
        tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"), feature_version=(3, 8))
        names = {
            word.split(".")[0]
            for node in ast.walk(tree)
            for word in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        assert names <= sys.stdlib_module_names


@pytest.mark.parametrize("module", LIGHT)
def test_lower_layers_import_without_pymc_and_folium(module: str) -> None:
    script = f"""
import sys
for name in ("pymc", "pytensor", "nutpie", "folium", "arviz"):
    sys.modules[name] = None
import {module}
"""
    subprocess.run([sys.executable, "-c", script], check=True)
