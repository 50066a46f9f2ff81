"""Partners: the dealers and agents through whom we sell."""
