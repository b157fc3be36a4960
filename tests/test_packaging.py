"""An installed wheel works from anywhere, and the locks say exactly what is installed."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from threatkit import bootstrap

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
#: Import name -> distribution, where they differ.
DISTRIBUTIONS = {"xstatic": "xstatic-leaflet", "arviz_stats": "arviz", "arviz_base": "arviz",
                 "pytensor": "pymc",
    "markupsafe": "jinja2"}  # fmt: skip


def project() -> dict[str, object]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"])


def name_of(requirement: str) -> str:
    return re.split(r"[<>=!~ ;\[]", requirement)[0].lower().replace("_", "-")


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", text, flags=re.M))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_registry_and_every_hash(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"://|index-url|find-links|trusted-host|\bfile:", text)
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert "==" in block.splitlines()[0], block
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_the_locks_agree_and_cover_the_dependencies() -> None:
    run, dev = pins(LOCKS[0]), pins(LOCKS[1])
    assert run.items() <= dev.items()
    described = project()
    extras = described["optional-dependencies"]
    assert isinstance(extras, dict)
    assert {name_of(r) for r in described["dependencies"]} <= set(run)  # type: ignore[attr-defined]
    assert {"hatchling", "editables"} <= set(run)
    assert {name_of(r) for extra in extras.values() for r in extra} <= set(dev)


def test_every_import_is_a_declared_dependency() -> None:
    described = project()
    declared = {name_of(r) for r in described["dependencies"]}  # type: ignore[attr-defined]
    extras = described["optional-dependencies"]
    names = ("calibrate", "cluster", "elicit", "evaluate", "export", "numpyro")
    lazy = {name_of(r) for name in names for r in extras[name]}  # type: ignore[index]
    for path in sorted((ROOT / "threatkit").rglob("*.py")):
        if "derive" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            else:
                continue
            for name in names:
                top = name.split(".")[0]
                if top == "threatkit" or top in sys.stdlib_module_names or top == "msvcrt":
                    continue
                inside = node.col_offset > 0  # an extra is imported where it is needed
                allowed = declared | (lazy if inside else set())
                assert DISTRIBUTIONS.get(top, top) in allowed, f"{path} imports {name}"


def test_the_set_up_finds_a_python_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    python = bootstrap.find_python()
    told = subprocess.run(
        [python, "-c", "import sys; print(sys.version_info >= (3, 12))"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout == "True\n"
    monkeypatch.setattr(bootstrap, "_candidates", lambda: iter(["/none/python3", "/bin/false"]))
    with pytest.raises(bootstrap.SetupError, match=r"needs Python 3\.12 or newer"):
        bootstrap.find_python()


def test_the_set_up_speaks_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    assert bootstrap.launch(["setup", "--help"]) == 0
    assert "--dev" in capsys.readouterr().out
    assert bootstrap.launch(["setup", "--devel"]) == 2
    assert "usage" in capsys.readouterr().err


def test_an_environment_that_is_ready_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / ".threatkit-setup").write_text(bootstrap.lock_stamp(dev=True))
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap, "venv_python", lambda: tmp_path / "bin" / "python")
    monkeypatch.setattr(bootstrap, "_run", lambda *args: pytest.fail("it installs again"))
    bootstrap.make_environment(dev=True)
    bootstrap.make_environment(dev=False)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a wheel by way of a source distribution."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (found,) = out.glob("*.whl")
    return found


def test_a_wheel_carries_the_data_and_one_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"threatkit"}
    for path in ("indicators/districts/districts.csv", "maps/workspace/threatkit.toml",
                 "maps/boundaries/districts.geojson"):  # fmt: skip
        assert f"threatkit/_data/{path}" in names
    assert any(name.endswith("LICENSE") for name in names)
    shipped = {
        str(path.relative_to(ROOT))
        for kind in ("indicators", "maps")
        for path in (ROOT / kind).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {f"threatkit/_data/{name}" for name in shipped} <= set(names)


def test_an_installed_wheel_works_from_another_folder(wheel: Path, tmp_path: Path) -> None:
    """Install the wheel alone beside this environment's packages, not beside the checkout."""
    venv, elsewhere = tmp_path / "venv", tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    python = bootstrap.venv_python(venv)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    own = next((venv / "lib").glob("python*/site-packages"))
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    # A plain path line: this environment's editable installation is not followed from it.
    (own / "beside.pth").write_text(packages + "\n", encoding="utf-8")
    script = f"""
import threatkit
assert {str(own)!r} in threatkit.__file__, threatkit.__file__
from threatkit.paths import data_dir
assert {str(own)!r} in str(data_dir("indicators")), data_dir("indicators")
from threatkit.data.catalogue import load_catalogue
assert len(load_catalogue().districts) > 500
from threatkit.geo.boundaries import load_boundaries
assert len(load_boundaries()) > 500
for name in ("cli", "maps", "indicators", "tests", "benchmarks"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit("a stranger can import " + name)
"""
    subprocess.run([str(python), "-c", script], check=True, cwd=elsewhere)
    command = python.with_name("threatkit")
    done = subprocess.run([str(command), "init", "my"], check=True, cwd=elsewhere,
                          capture_output=True, text=True)  # fmt: skip
    assert "threatkit.toml" in done.stdout
