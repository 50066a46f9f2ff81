"""Demo data for an empty suite, and the walk along one deal from lead to cash."""

from fairway.demo.commands import cli
from fairway.demo.filling import fill

__all__ = ["cli", "fill"]
