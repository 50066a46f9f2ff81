"""Opportunities: deals on their way through the pipeline to won or lost."""
