"""The sales service: from a lead over opportunity, quote and order to the money received."""
