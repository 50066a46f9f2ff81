"""A small service, for the tests of what the services share: `python -m shop …`."""
