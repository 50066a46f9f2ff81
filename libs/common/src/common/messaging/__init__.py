"""Events between services: each has exactly one effect, in order, however often it is delivered.

Read in this order: `envelope` (what travels), `outbox` (said in the transaction of the change),
`relay` (from the outbox to the bus), `transport` with `in_process` and `rabbitmq` (the bus),
`inbox` (applied in the transaction of the effect), `consumer` (from the bus to the inbox, and what
happens on failure), `feed` with `catch_up` (what was said before one listened).
"""
