"""Jobs: the list, one with its progress, and the wizard that makes a preheat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from manager.console.page import ConsolePage, Visit
from manager.console.views.lists import linker

PER_PAGE = 30
KINDS = {
    "preheat": "Preheat",
    "delete_task": "Delete",
    "get_task": "Look up",
    "sync_peers": "Sync hosts",
    "gc": "Clean up",
    "replicate": "Replicate",
}
_KINDS_OF_URL = {
    "hf": "hub",
    "http": "files",
    "https": "files",
    "oci": "image",
    "s3": "s3",
    "dffs": "dffs",
}
_PHASES = (
    ("", "All"),
    ("STARTED", "Running"),
    ("PENDING", "Waiting"),
    ("SCHEDULED", "Scheduled"),
    ("SUCCESS", "Done"),
    ("FAILURE", "Failed"),
)
_SCOPES = {
    "single_seed_peer": "one seed",
    "all_seed_peers": "all seeds",
    "all_peers": "all hosts",
}


def subject(job: Any) -> str:
    """What the job is about, in a few words."""
    args: Mapping[str, Any] = job.args
    urls = args.get("urls") or []
    url = str(args.get("url") or (urls[0] if urls else "") or args.get("task_id") or "")
    if job.bio:
        return str(job.bio)
    more = f" and {len(urls) - 1} more" if len(urls) > 1 else ""
    if len(url) == 64 and "/" not in url:
        url = f"task {url[:12]}"
    return (url + more) or KINDS.get(job.type, job.type)


def target(job: Any) -> str:
    """Which hosts, in a few words."""
    args = job.args
    if args.get("ips"):
        return f"{len(args['ips'])} named hosts"
    scope = _SCOPES.get(args.get("scope") or "single_seed_peer", str(args.get("scope")))
    if args.get("count"):
        return f"{args['count']} of {scope}"
    if args.get("percentage"):
        return f"{args['percentage']} % of {scope}"
    return scope


async def load_list(visit: Visit) -> dict[str, Any]:
    phase, number = visit.ask("phase"), visit.number("page", 1)
    known = {name for name, _ in _PHASES} - {""}
    query = {"phase": phase} if phase in known else {}
    page = await visit.get("/api/v1/jobs", page=number, per_page=PER_PAGE, **query)
    link = linker(visit)
    return {
        "jobs": page.items,
        "total": page.total,
        "page_number": number,
        "per_page": PER_PAGE,
        "phase": phase,
        "phases": _PHASES,
        "kinds": KINDS,
        "subject": subject,
        "target": target,
        "link": link,
        "turn": lambda turned: link(page=turned),
    }


async def load_one(visit: Visit) -> dict[str, Any]:
    job_id = visit.text("id")
    job = await visit.get(f"/api/v1/jobs/{job_id}")
    page = visit.number("page", 1)
    hosts = await visit.get(f"/api/v1/jobs/{job_id}/hosts", page=page, per_page=PER_PAGE)
    failed = await visit.get(f"/api/v1/jobs/{job_id}/steps", state="failed", per_page=20)
    running = await visit.get(f"/api/v1/jobs/{job_id}/steps", state="running", per_page=20)
    runs = await visit.get("/api/v1/jobs", schedule_id=job.id, per_page=10) if job.cron else None
    link = linker(visit)
    return {
        "title": subject(job),
        "job": job,
        "kinds": KINDS,
        "subject": subject,
        "target": target,
        "hosts": hosts.items,
        "total": hosts.total,
        "page_number": page,
        "per_page": PER_PAGE,
        "turn": lambda turned: link(page=turned),
        "failed": failed,
        "running": running,
        "runs": runs,
        "over": job.phase in ("SUCCESS", "FAILURE", "CANCELLED"),
        "mine": job.user_id == visit.principal.user_id or visit.principal.oversees,
    }


async def load_wizard(visit: Visit) -> dict[str, Any]:
    url = visit.ask("url")
    return {
        "clusters": await visit.rows_if("clusters:read", "/api/v1/clusters", per_page=1000),
        "secrets": await visit.rows_if("secrets:read", "/api/v1/secrets"),
        "url": url,
        "kind": _KINDS_OF_URL.get(url.partition("://")[0].lower() if "://" in url else "hf", "hub"),
        "host_count": visit.state.host_count,
        "seed_count": visit.state.census.seeds,
    }


PAGES = (
    ConsolePage("/jobs", "jobs:read", "jobs.html", load_list, "Jobs", live=("list",)),
    ConsolePage("/jobs/new", "jobs:write", "preheat.html", load_wizard, "Preheat", nav="/jobs"),
    ConsolePage(
        "/jobs/{id:[0-9]{1,18}}",
        "jobs:read",
        "job.html",
        load_one,
        "Job",
        nav="/jobs",
        live=("head", "tiles", "work", "hosts"),
        every_s=1.0,
    ),
)
