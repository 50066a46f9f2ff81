"""Lead routing policies: which leads go to which team, version after version."""
