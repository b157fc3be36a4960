"""One HTML file that fetches nothing: parts joined, data embedded, a policy that forbids the rest.

The policy (``Content-Security-Policy``) allows no source at all but the scripts and styles whose
hash it names, so that a name that tried to become markup could not run, and no part of the page
could call home even if it wished to.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from threatkit.paths import data_dir

#: Scripts that map and report share, then those of the map, in the order in which they are joined.
SHARED = ("shared/fold", "shared/elements", "shared/search")
SCRIPTS = (
    "data",
    "colours",
    "charts",
    "frames",
    "legend",
    "panel",
    "tables",
    "page",
)
STYLES = ("map",)
_URL = re.compile(r"url\(\s*['\"]?(images/[\w.-]+)['\"]?\s*\)")
_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def embed_json(value: Any) -> Markup:
    """Return JSON that is safe inside a script element, whatever texts it holds.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704  escaped above


def content_hash(text: str) -> str:
    """Return the hash of an inline script or style as the policy spells it."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def content_policy(scripts: Sequence[str], styles: Sequence[str]) -> str:
    """Return the policy: nothing may load or run but these very scripts and styles."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(content_hash(text) for text in scripts)}",
            f"style-src {' '.join(content_hash(text) for text in styles)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


@lru_cache(maxsize=1)
def leaflet() -> tuple[str, str, str]:
    """Return Leaflet's script, style (images as data URIs) and licence."""
    folder = files("xstatic.pkg.leaflet") / "data"
    script = (folder / "leaflet.js").read_text(encoding="utf-8")
    style = (folder / "leaflet.css").read_text(encoding="utf-8")

    def data_uri(match: re.Match[str]) -> str:
        image = folder.joinpath(match.group(1)).read_bytes()
        return f"url(data:image/png;base64,{base64.b64encode(image).decode('ascii')})"

    script = re.sub(r"//# sourceMappingURL=\S+\s*", "", script)
    return script, _URL.sub(data_uri, style), part("templates/leaflet-licence.txt")


def part(name: str) -> str:
    """Return a text file of the shipped folder ``maps``."""
    return (data_dir("maps") / name).read_text(encoding="utf-8")


def own_script() -> str:
    """Return our scripts, joined."""
    return "\n".join(part(f"scripts/{name}.js") for name in (*SHARED, *SCRIPTS))


def own_style() -> str:
    """Return our styles, joined."""
    return "\n".join(part(f"styles/{name}.css") for name in STYLES)


def environment() -> Environment:
    """Return the template environment: everything is escaped, nothing may be undefined."""
    return Environment(
        loader=FileSystemLoader(data_dir("maps") / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def assemble(template: str, context: Mapping[str, Any], *, payload: Any, maps_script: str) -> str:
    """Return the page.

    Parameters
    ----------
    template
        Name of the page's template.
    context
        Its texts.
    payload
        Data for the scripts.
    maps_script
        The script that makes the map objects; it runs after ours.
    """
    library, library_style, licence = leaflet()
    scripts = [library, f"{own_script()}\n{maps_script}\nthreatkit.start();\n"]
    styles = [library_style, own_style()]
    return (
        environment()
        .get_template(template)
        .render(
            **context,
            policy=content_policy(scripts, styles),
            scripts=[Markup(text) for text in scripts],  # noqa: S704  our own and Leaflet's files
            styles=[Markup(text) for text in styles],  # noqa: S704
            payload=embed_json(payload),
            leaflet_licence=licence,
        )
    )
