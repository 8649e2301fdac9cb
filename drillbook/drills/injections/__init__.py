"""How each fault comes about: what is done to the hosts, through their agents.

Only operations of the agent are used, so a fault is the same in every backend.
`drillbook.drills.declarations` names the faults, `drillbook.drills.faults` knows
their grammar.
"""
