"""Importing files: a job of a service that reads rows, maps them, and hands them to its own rules.

`reading` takes CSV and XLSX apart, `mapping` turns columns into the fields of a target, `jobs`
works through them in batches that can be killed at any point, `routes` is the API over it.
"""
