"""Reasons for which deals are lost: the list they are counted by."""
