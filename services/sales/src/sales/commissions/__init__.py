"""What sales have earned whom: the ledger, its periods, and the statements of those it pays."""
