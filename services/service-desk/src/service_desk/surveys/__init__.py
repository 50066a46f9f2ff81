"""Surveys: what customers say of the service, asked once for each closing of a ticket."""
