"""What every service knows of accounts, roles and the organisation, for a migration of each."""

V1: list[str] = []
