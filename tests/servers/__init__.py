"""Real servers for tests: Redis, PostgreSQL, MariaDB and an S3 server (SeaweedFS), on loopback.

`tests/servers/install` gets the programs. `shared.url("redis")` gives one server per test run and
kind, shared by the workers of pytest-xdist; `processes` has a class for each kind, for tests that
stop and kill theirs.
"""
