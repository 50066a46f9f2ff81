"""`python -m fairway` is the `fairway` command."""

from fairway.cli import app

app()
