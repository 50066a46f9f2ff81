"""Fairway on one machine: the six services behind one port, and the `fairway` command."""
