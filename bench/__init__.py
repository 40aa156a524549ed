"""Benchmarks of a swarm of real processes on this machine: ``python -m bench --help``.

Every figure is a ratio or a difference within one run, since machines are shared and noisy.
"""
