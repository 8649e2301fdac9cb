"""What the faults and the prober agree on; nothing else is known to both."""

from __future__ import annotations

ACKNOWLEDGED = "/tmp/smartbeak-acknowledged.jsonl"
"""File on app with jobs that somebody else had acknowledged and that the prober counts as
well: `{"job": id}`, one a line."""

ORDERED_ONCE = "/tmp/smartbeak-ordered-once.jsonl"
"""File on app with pieces that a client wanted published once, one a line: `{"jobs": [id, ...]}`,
the jobs that came of its orders."""

BOUGHT = "/tmp/smartbeak-bought.jsonl"
"""File on app with what customers bought, one purchase a line: what each of them wanted and
agreed to pay, whatever became of it."""

WATCHED = tuple(f"content_{number}" for number in range(1, 11))
"""Pieces that readers read again and again: one of each domain."""

STOLEN = "/tmp/smartbeak-stolen.json"
"""File on app with what an intruder has got hold of; see `smartbeak_drills.loot`."""

COLLECTED = "/tmp/smartbeak-collected.json"
"""File on app with what came to an intruder's listener; see `smartbeak_drills.collector`."""

VICTIM = "user_6"
"""An administrator of `org_2` whose session is stolen: in these drills nobody else uses it."""

RAISED = "user_20"
"""A viewer of `org_5` whom an insider makes an owner; nobody in the drills uses the account."""

RENEWED = ("1", "2")
"""Numbers of the first customers whose subscription is renewed by a fault."""

PAYERS = ("sub_example1", "sub_example2", "sub_example3")
"""Subscriptions at Stripe that are paid for."""
