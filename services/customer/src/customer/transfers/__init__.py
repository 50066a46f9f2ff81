"""Transfers of many customers at once, worked off by the worker with its progress shown."""
