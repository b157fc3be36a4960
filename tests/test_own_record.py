"""The project's own forecasts: the ledger that ships verifies, up to the hash that is published."""

import re
from pathlib import Path

from threatkit.evaluate.ledger import verify

ROOT = Path(__file__).resolve().parent.parent
LEDGER = ROOT / "docs" / "record" / "forecasts.jsonl"


def test_the_ledger_of_the_project_verifies() -> None:
    text = (ROOT / "docs" / "record.md").read_text(encoding="utf-8")
    published = re.findall(r"`([0-9a-f]{64})`", text)
    assert published
    for head in published:
        lines = verify(LEDGER, head=head)
    assert lines[0]["hash"] == published[0]
    assert lines[0]["frozen"] < lines[0]["forecast"]["start"]
