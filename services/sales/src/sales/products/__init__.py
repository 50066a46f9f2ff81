"""Products: what we sell, made by us or not, to be shipped or not."""
