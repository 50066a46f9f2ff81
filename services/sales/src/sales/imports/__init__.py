"""Imports: rows of a file that become products, or opportunities with all that followed from them.

# without model.py: the jobs' tables are those of common.imports
# without schemas.py: a target states the fields of its rows beside the function that takes them
# without use_cases.py: rows go through the use cases of products and opportunities
"""
