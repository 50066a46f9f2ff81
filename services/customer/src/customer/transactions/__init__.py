"""Transactions: what each customer bought, paid and signed, and asks for, as other services told it.

These are copies, brought up to date by events: sales, contract and service-desk own the facts. Each
part says up to which event it holds, and whether some could not be applied.
"""
