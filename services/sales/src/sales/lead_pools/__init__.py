"""Lead pools: the open leads that nobody has, by department and region, for whoever takes them.

A lead lies in the pool when it is open and has no owner; nothing else has to be kept for it.
"""

# without model.py: a lead in the pool is a lead; see leads/model.py
