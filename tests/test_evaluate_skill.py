"""The page of skill is made from the shipped data and says what it does not show."""

import pytest

from threatkit.derive.skill import PAGE, page


def test_the_page_is_current() -> None:
    pytest.importorskip("sklearn", reason="needs the extra 'evaluate'")
    made = page()
    assert PAGE.read_text(encoding="utf-8") == made, "run python -m threatkit.derive.skill"
    assert "skill_model.md" in made
    assert "compiled with hindsight" in made
