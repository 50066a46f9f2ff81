"""Pipelines: the stages that deals of a kind go through, version after version."""
