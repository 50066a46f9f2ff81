"""Dictionaries: the codes that fields of customers take, with their names, kept by administrators."""
