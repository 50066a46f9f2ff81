"""Prices: price lists, for whom and when they hold, and why a product costs what it costs."""
