"""Service levels: how soon a ticket must be answered and solved, counted by which calendar."""
