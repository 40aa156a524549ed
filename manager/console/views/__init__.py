"""What fills each page."""

from __future__ import annotations

from manager.console.views import hosts, overview, search, tasks

PAGES = (*overview.PAGES, *tasks.PAGES, *hosts.PAGES, *search.PAGES)
