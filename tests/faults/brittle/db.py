"""Where the brittle consumer writes what it did."""

from pathlib import Path

SERVICE = "brittle"
MIGRATIONS = Path(__file__).parent / "migrations"
