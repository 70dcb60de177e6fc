"""Count the tests behind each promise of tests/promises.md.

    xvfb-run -a python -m benchmarks.promises [OPTIONS_OF_PYTEST]

Such as `--numprocesses 2 --dist loadgroup`. The exit code is 1 if a promise has a test
that failed, or no test that passed.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_ROW = re.compile(r"^\| (?P<case>[^|]+) \| (?P<promise>[^|]+) \| (?P<tests>`tests/.+) \|$", re.M)


class Outcomes:
    """Pytest plugin that counts the outcomes of each test, over all its parameters."""

    def __init__(self) -> None:
        self.of: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.of[report.nodeid.split("[")[0]][report.outcome] += 1


def promises() -> list[tuple[str, list[str]]]:
    """Return the case and the tests of each row of the tables."""
    text = (ROOT / "tests" / "promises.md").read_text(encoding="utf-8")
    return [
        (row["case"], re.findall(r"`(tests/[^`]+)`", row["tests"])) for row in _ROW.finditer(text)
    ]


def main(words: list[str]) -> int:
    """Run the tests of all promises, and print a line for each."""
    rows, outcomes = promises(), Outcomes()
    names = sorted({name for _, tests in rows for name in tests})
    pytest.main(["-q", "-p", "no:cacheprovider", *words, *names], plugins=[outcomes])
    kept = 0
    print("| case | passed | skipped | failed |\n|---|---|---|---|")
    for case, tests in rows:
        count = sum((outcomes.of[name] for name in tests), Counter())
        passed, skipped, failed = (count[kind] for kind in ("passed", "skipped", "failed"))
        kept += all(outcomes.of[name]["passed"] for name in tests) and not failed
        print(f"| {case} | {passed} | {skipped} | {failed} |")
    total = sum(outcomes.of.values(), Counter())
    print(f"\n{kept} of {len(rows)} promises hold, by {total['passed']} tests.")
    return int(kept < len(rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
