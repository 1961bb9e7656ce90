"""What was verified of a network: one row a statement, and each layer of which it does not hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geocnn.network.plan import Plan
    from geocnn.network.verify import Finding
    from geocnn.progress import Work

__all__ = ["draw_findings", "findings_json", "found"]

COLUMNS = ("statement", "checked", "largest", "bound", "holds")


def found(plan: Plan) -> list[Finding]:
    """All findings, with their progress."""
    from . import report

    return report.show(_work(plan), "verifying")


def _work(plan: Plan) -> Work[list[Finding]]:
    """Layer by layer, then the network as a whole, whose checks are the last unit."""
    from geocnn.network.verify import verify
    from geocnn.progress import Progress

    numbers = {node.place: node.id for node in plan.nodes}
    findings, done = [], 0
    for finding in verify(plan):
        findings.append(finding)
        done = max(done, numbers.get(finding.place, 0))
        yield Progress(done, len(plan.nodes), "layers", note=finding.place)
    return findings


def draw_findings(findings: Sequence[Finding]) -> None:
    """Print a row a statement, what does not hold, and what could not be said."""
    from . import report

    named: dict[str, list[Finding]] = {}
    for finding in findings:
        if finding.applies:
            named.setdefault(finding.name, []).append(finding)
    report.table("verified", COLUMNS, [_row(name, each) for name, each in named.items()])
    for finding in findings:
        if not finding.passed:
            report.say(f"does not hold: {_told(finding)}: {finding.measured:.3g}, at most {finding.bound:.3g}")
    for told in dict.fromkeys(_told(finding) for finding in findings if not finding.applies):
        report.say(f"not checked: {told}")
    wrong = sum(not finding.passed for finding in findings)
    checked = sum(finding.applies for finding in findings)
    report.say(f"{checked} findings, {f'{wrong} do not hold' if wrong else 'all hold'}")


def _row(name: str, findings: Sequence[Finding]) -> tuple[str, ...]:
    """A statement that was checked in one or more places; a place of each is not told."""
    worst = max(findings, key=lambda each: (not each.passed, each.measured))
    held = sum(each.passed for each in findings)
    whole = not worst.bound
    return (
        name,
        worst.what if len(findings) == 1 else f"{len(findings)} layers",
        f"{worst.measured:.0f}" if whole or not worst.measured else f"{worst.measured:.1e}",
        f"{worst.bound:.0f}" if whole else f"{worst.bound:.0e}",
        "yes" if held == len(findings) else "NO" if len(findings) == 1 else f"{held} of {len(findings)}",
    )


def _told(finding: Finding) -> str:
    """``layers[3]: a pool …: 8 windows``."""
    return ": ".join(part for part in (finding.place, finding.name, finding.what) if part)


def findings_json(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [{**vars(finding), "passed": finding.passed} for finding in findings]
