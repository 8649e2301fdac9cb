"""How each fault comes about: what is done to the hosts, through their agents.

`smartbeak_drills.faults` names the faults, `drillbook.drills.faults` knows their grammar.
"""
