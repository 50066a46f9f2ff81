"""Saved views: a named filter, order and choice of columns of a list, for a person or a team.

Every service has them, and every list takes them, without a word from either: what a list can be
asked is read off its route (`lists.py`), and a view is put into a request before the endpoint reads
it (`applying.py`), so that nothing behind it knows of views.

A view is a row and no aggregate. It says how somebody looks at records, never what a record is:
nobody else has to hear of it, and an event of each service for it would be a promise without a
reader. The audit trail is told by hand (`common.audit.beside`): who saved, changed, shared or removed
which view.
The version is counted by SQLAlchemy on every UPDATE; it is the ETag and what If-Match is held
against, as everywhere.

A view gives no rights. Its filters apply to the rows that whoever uses it may see anyway, and the
rows of the table have no owner in the sense of data scope: who sees a view is said in `model.py`.
"""
