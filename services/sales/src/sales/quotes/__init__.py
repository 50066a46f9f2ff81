"""Quotes: what we offer, at which price, until when."""
