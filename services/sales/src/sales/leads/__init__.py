"""Leads: people and firms who may want to buy, before there is a deal."""
