"""The installed base: which of our products customers have, by the shipments we heard of."""
