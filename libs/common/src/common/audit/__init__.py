"""Who changed which field from what to what, when, and through which request.

`trail` notes what each flush of a transaction changed, and makes one entry a record and
transaction of it, which `common.messaging.outbox` writes in the statement of the events. No
endpoint, consumer, timer or import does anything for it: what is an `Aggregate` is audited. Beside
that, `beside` writes entries of saved views and of looks at records that are not the looker's.

The entries of a record are a chain: each holds the SHA-256 of its content and of the hash before
it. The table refuses UPDATE, DELETE and TRUNCATE, whoever asks. `verify` finds what was changed
in spite of that, by somebody who may switch triggers off:

- an entry that was altered: its content no longer gives its hash;
- one that was removed or inserted: the next one does not follow from the one before;
- a chain that was cut off at its end, or lost altogether, or continued: the record and the event
  log stand at another version than its newest entry.

The hashes have no key. Whoever owns the table and knows this page can compute a chain anew from an
altered entry to its end, or alter the newest entry with its hash, and raise or lower versions in
the record and the event log with it; nothing inside the database can show that. What can, are
hashes kept elsewhere: `python -m <service> audit heads` prints the newest of every record, and
`audit verify --against` finds each record whose past is no longer the one of then. Nothing here
shows that a change was allowed, or that the actor was who the token said.
"""
