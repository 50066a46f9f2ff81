"""Customer pools: customers that nobody has, by department and region, for whoever takes them.

A customer lies in the pool when it has no owner and is no partner's; nothing else has to be kept for
it. What holds there is a policy (limits, cool-down, recycling).
"""
