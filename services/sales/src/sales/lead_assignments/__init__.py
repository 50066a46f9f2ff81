"""Lead assignments: every move of a lead from one to another, and how a routed one was decided."""

# without schemas.py: a move is read with its lead; see leads/schemas.py
# without routes.py: the paths are the lead's and the team's; see leads/routes.py
