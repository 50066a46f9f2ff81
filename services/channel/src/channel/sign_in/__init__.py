"""Sign-in: tokens for accounts, and the keys that they are signed with.

Left aside where an identity provider of the house does this.
"""
