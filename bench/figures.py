"""How a figure is printed: what it is, its budget, and whether it was kept."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """Lines of one program; `missed` counts the budgets that were not kept."""

    missed: int = 0
    lines: list[str] = field(default_factory=list)

    def figure(
        self, what: str, value: float, unit: str, *, at_least: float | None = None, at_most: float | None = None
    ) -> None:
        budget = ""
        is_kept = True
        if at_least is not None:
            budget, is_kept = f"budget: at least {at_least:g}", value >= at_least
        elif at_most is not None:
            budget, is_kept = f"budget: at most {at_most:g}", value <= at_most
        verdict = "" if not budget else "  PASS" if is_kept else "  MISS"
        number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
        print(f"  {what:<58} {number:>10} {unit:<8} {budget}{verdict}", flush=True)
        self.missed += 0 if is_kept else 1

    def note(self, text: str) -> None:
        print(f"  {text}", flush=True)

    @property
    def exit_code(self) -> int:
        return 1 if self.missed else 0
