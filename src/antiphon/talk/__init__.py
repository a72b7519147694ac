"""The talk client: a spoken or written conversation with any Realtime server, from a terminal.

`talk.py` runs one; `session.py` is its state machine, without I/O and clock.
"""
