"""What `make audit` says: a weakness fails it, and what could not be looked up is never called clean."""

from __future__ import annotations

from tests.audit import verdict

FINE = {"name": "fine", "version": "1.0", "vulns": []}
WEAK = {"name": "weak", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "unknown", "skip_reason": "Dependency not found on PyPI"}


def test_a_known_weakness_fails_and_says_what_to_take() -> None:
    code, text = verdict([FINE, WEAK], "")
    assert code == 1
    assert "weak 2.0: PYSEC-1, mended in 2.1" in text
    assert "2 pinned packages checked, 1 known weaknesses." in text


def test_without_an_answer_nothing_is_called_clean() -> None:
    for packages in ([], [UNKNOWN, UNKNOWN]):
        code, text = verdict(packages, "no name for pypi.org")
        assert code == 0
        assert text.startswith("Not checked: no answer from")
        assert "checked, 0" not in text


def test_packages_without_an_answer_are_named_beside_the_others() -> None:
    code, text = verdict([FINE, UNKNOWN], "")
    assert code == 0
    assert text == "1 pinned packages checked, 0 known weaknesses.\n" + text.splitlines()[1]
    assert text.splitlines()[1].endswith("do not know them: unknown.")
