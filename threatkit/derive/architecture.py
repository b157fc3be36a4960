"""Writes the list of modules in ``docs/ARCHITECTURE.md`` from their docstrings.

Run it as ``python -m threatkit.derive.architecture``; a test holds the list current.
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "ARCHITECTURE.md"
BEGIN = "<!-- modules: begin (python -m threatkit.derive.architecture) -->"
END = "<!-- modules: end -->"


def module_list() -> str:
    """Return the list of modules, one line each with the first line of its docstring."""
    lines = []
    for path in sorted((ROOT / "threatkit").rglob("*.py"), key=_order):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        said = (ast.get_docstring(tree) or "").partition("\n\n")[0]
        name = path.relative_to(ROOT)
        shown = f"{name.parent}/" if path.name == "__init__.py" else str(name)
        lines.append(f"- `{shown}`: {' '.join(said.split())}")
    return "\n".join(lines)


def page(text: str) -> str:
    """Return the page's text with the list of modules made again.

    Raises
    ------
    ValueError
        If the page lacks the two marks between which the list stands.
    """
    return renewed(PAGE.name, text, (BEGIN, END), module_list())


def renewed(name: str, text: str, marks: tuple[str, str], made: str) -> str:
    """Return a page's text with what stands between two marks made again.

    Raises
    ------
    ValueError
        If the page lacks one of the marks.
    """
    head, begin, rest = text.partition(marks[0])
    _, end, tail = rest.partition(marks[1])
    if not begin or not end:
        raise ValueError(f"{name} lacks the marks {marks[0]} and {marks[1]}")
    return f"{head}{begin}\n{made}\n{end}{tail}"


def _order(path: Path) -> tuple[str, bool, str]:
    return str(path.parent), path.name != "__init__.py", path.name


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
