"""Names every module of tables, so that one import makes the whole schema known."""

from manager.db import clusters, jobs, models, revisions, users

ALL = (revisions, clusters, users, jobs, models)
