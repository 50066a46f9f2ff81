"""Departments: the tree of our own organisation, and its history of moves."""
