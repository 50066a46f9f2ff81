"""How the walk along a deal is shown: to a person as it goes, to a machine as a whole."""

import re
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fairway.demo.walking import Effect, Figure, Step

_COLOURS = {
    "channel": "magenta",
    "customer": "cyan",
    "sales": "green",
    "contract": "yellow",
    "service-desk": "blue",
    "reporting": "bright_white",
}

_ID = re.compile(r"[\w-]{30,}")


class ForPeople:
    """Prints each step when it is done."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._place = 0

    def chapter(self, title: str) -> None:
        self._console.print()
        self._console.print(Text(title, "bold"))

    def step(self, step: Step) -> None:
        self._place += 1
        method, _, path = step.call.partition(" ")
        line = Text.assemble(
            (f"{self._place:>3}  ", "dim"),
            (step.title, "bold"),
            f"  {method} ",
            _short(path),
            (f" → {step.status}", "green"),
        )
        self._console.print(line, soft_wrap=True)
        if step.facts:
            facts = "  ".join(f"{name} {_worded(value)}" for name, value in step.facts.items())
            self._console.print(Text(f"     {facts}", "dim"), soft_wrap=True)
        for event in step.events:
            shown = Text.assemble("     ⚡ ", (event.type, _COLOURS.get(event.service, "")))
            if event.because_of is not None:
                shown.append(f"  because of {event.because_of}", "dim")
            self._console.print(shown, soft_wrap=True)

    def effect(self, effect: Effect) -> None:
        line = Text.assemble(
            "     ✔ ", (effect.service, _COLOURS.get(effect.service, "")), f": {effect.what}"
        )
        self._console.print(line, soft_wrap=True)

    def figures(self, figures: list[Figure]) -> None:
        """Before and after, as a table."""
        table = Table("report", "figure", "before", "after", "this deal", "", box=None)
        for column in table.columns[2:5]:
            column.justify = "right"
        for figure in figures:
            table.add_row(
                figure.report,
                figure.name,
                f"{figure.before:,}",
                f"{figure.after:,}",
                f"{figure.expected:+,}",
                "✔" if figure.is_right else "✘",
            )
        self._console.print(table)


class ForMachines:
    """Keeps everything, for one document at the end."""

    def __init__(self) -> None:
        self._steps: list[dict[str, Any]] = []

    def chapter(self, title: str) -> None:
        """Chapters are for people."""

    def step(self, step: Step) -> None:
        self._steps.append({**asdict(step), "effects": []})

    def effect(self, effect: Effect) -> None:
        if self._steps:
            self._steps[-1]["effects"].append(asdict(effect))

    def document(self, figures: list[Figure]) -> dict[str, Any]:
        """All of it."""
        return {
            "steps": self._steps,
            "figures": [
                {
                    **{name: str(value) for name, value in asdict(figure).items()},
                    "is_right": figure.is_right,
                }
                for figure in figures
            ],
        }


def _short(path: str) -> Text:
    """The path with its ids cut to what a person can compare."""
    return Text(_ID.sub(lambda found: f"{found[0][:8]}…", path), "cyan")


def _worded(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    text = str(value)
    return f"{text[:12]}…" if len(text) == 64 else text
