"""The overview: all that is known of one customer in one answer, each part with its age.

# without model.py: it is read from the other features
"""
