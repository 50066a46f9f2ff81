"""Segments: customers chosen by conditions, kept up to date, or frozen as they were at one time."""
