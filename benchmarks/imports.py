"""Rows from a file to the reports: a generated pipeline file into an empty suite in one process.

Measured: rows a second from the first upload until reporting has applied the last event, and how
much of it is storing. The file has the shape of a CRM's export: 8,800 deals of 35 agents.
"""

import csv
import json
import os
import random
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

DEALS, AGENTS, ACCOUNTS = 8_800, 35, 85
SEED = 20170301


def run() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="fairway-bench-") as folder:
        files = Path(folder) / "files"
        files.mkdir()
        _write_files(files)
        environment = {**os.environ, "FAIRWAY_HOME": str(Path(folder) / "home")}
        fairway = [sys.executable, "-m", "fairway"]
        subprocess.run([*fairway, "up", "--empty", "--detach"], check=True, env=environment)
        try:
            done = subprocess.run(
                [
                    *fairway,
                    "import",
                    str(files),
                    "--mapping",
                    "crm-sales-opportunities",
                    "--json",
                ],
                check=True,
                env=environment,
                capture_output=True,
                text=True,
            )
        finally:
            subprocess.run([*fairway, "down"], check=True, env=environment)
        answer = json.loads(done.stdout)
    rows = sum(step["total_rows"] for step in answer["steps"])
    for name in ("stored", "reported"):
        seconds = answer[f"seconds_{name}"]
        sys.stdout.write(
            f"import, {name}: {rows:,} rows in {seconds:.1f} s = {rows / seconds:,.0f}/s\n"
        )


def _write_files(folder: Path) -> None:
    """Files that the shipped mapping takes; the same for every run."""
    dice = random.Random(SEED)
    agents = [f"Agent {number:02d}" for number in range(AGENTS)]
    accounts = [f"Account {number:02d}" for number in range(ACCOUNTS)]
    offices = ("Central", "East", "West")
    _write(
        folder / "sales_teams.csv",
        ["sales_agent", "manager", "regional_office"],
        [[agent, f"Manager {n % 6}", offices[n % 6 % 3]] for n, agent in enumerate(agents)],
    )
    _write(
        folder / "products.csv",
        ["product", "series", "sales_price"],
        [[f"Product {n}", "P", str(100 * (n + 1))] for n in range(7)],
    )
    _write(
        folder / "accounts.csv",
        [
            "account",
            "sector",
            "year_established",
            "revenue",
            "employees",
            "office_location",
            "subsidiary_of",
        ],
        [[account, "retail", "1999", "12.5", "300", "Kenya", ""] for account in accounts],
    )
    _write(
        folder / "sales_pipeline.csv",
        [
            "opportunity_id",
            "sales_agent",
            "product",
            "account",
            "deal_stage",
            "engage_date",
            "close_date",
            "close_value",
        ],
        [_deal(dice, number, agents, accounts) for number in range(DEALS)],
    )


def _deal(dice: random.Random, number: int, agents: list[str], accounts: list[str]) -> list[str]:
    engaged = date(2016, 10, 20) + timedelta(days=dice.randrange(300))
    closed = engaged + timedelta(days=dice.randrange(1, 130))
    stage = dice.choices(["Won", "Lost", "Engaging", "Prospecting"], [48, 28, 18, 6])[0]
    is_closed = stage in ("Won", "Lost")
    return [
        f"D{number:05d}",
        dice.choice(agents),
        f"Product {dice.randrange(7)}",
        dice.choice(accounts),
        stage,
        "" if stage == "Prospecting" else f"{engaged:%m/%d/%Y}",
        f"{closed:%m/%d/%Y}" if is_closed else "",
        str(dice.randrange(50, 5000)) if stage == "Won" else "0" if stage == "Lost" else "",
    ]


def _write(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
