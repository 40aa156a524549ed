"""Meganeura's vocabulary and maths: ids, digests, ranges, piece geometry, state machines, errors.

Everything here is pure: no I/O, no clock, no asyncio, no randomness unless it is passed in.
Every other package imports this one; it imports none of them.
"""
