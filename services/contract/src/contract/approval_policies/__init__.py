"""Approval policies: which steps agree to a contract, by kind and amount; versioned data."""
