"""The manager's memory: one SQL database, SQLite, PostgreSQL, MySQL or MariaDB alike.

``base`` has what every table is made of, ``database`` opens the database and runs transactions,
``migrations`` brings any earlier schema up to this one. Tables are in the modules beside, one per
part.
"""
