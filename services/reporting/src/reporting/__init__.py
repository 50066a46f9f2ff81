"""The reporting service: what happened, and the figures made of it."""
