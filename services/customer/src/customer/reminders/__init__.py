"""Reminders: rules, kept as data, that plan follow-ups by themselves."""
