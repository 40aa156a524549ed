"""What fills each page."""

from __future__ import annotations

from manager.console.views import control, hosts, jobs, models, overview, people, search, tasks

PAGES = (
    *overview.PAGES,
    *tasks.PAGES,
    *hosts.PAGES,
    *jobs.PAGES,
    *models.PAGES,
    *control.PAGES,
    *people.PAGES,
    *search.PAGES,
)
