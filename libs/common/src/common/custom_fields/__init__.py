"""Custom fields: fields that an installation gives to records, without a release.

A definition (`model.py`) says for the records of one entity which key there is, of which kind, and
within which limits. A mapped class is extensible by mixing in `Extensible` (`columns.py`); its
`custom` column holds the values by key, spelled in one way (`values.py`).

Writing is two calls, made by the use case that makes or changes a record (`writing.py`). Lists need
nothing: `custom.<key>=…` and `sort=custom.<key>` are put into the query by `paginate`
(`listing.py`), `fields`, CSV and saved views know the keys by the route class, imports by their
jobs, and the audit trail has a line for each key.

Definitions are remembered by each process (`definitions.py`). Nothing is written on the strength of
memory: the statement that keeps the events of a transaction also says which revision of the
definitions there is, and what was checked by another one is checked again before the commit.
"""
