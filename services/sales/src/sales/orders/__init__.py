"""Orders: what a customer has bought, what of it was delivered and what was paid."""
