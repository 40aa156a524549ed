"""Fills a manager as people would have: users, a team, clusters with a history, tokens, jobs.

Most of it goes through REST; jobs that are at work, and the scheduler, are entered as rows.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy.orm import Session

from manager.db.base import now
from manager.db.clusters import ACTIVE, Scheduler, SeedPeer
from manager.db.jobs import Job, JobFile, JobStep, JobTarget
from manager.db.models import READY, Model, ModelFile, ModelTag, ModelVersion

CIDRS = ["10.1.0.0/16", "10.2.0.0/16"]
MODEL = "hf://meta-llama/Llama-3.3-70B-Instruct"


class Client:
    """REST with a session's token."""

    def __init__(self, url: str, password: str, name: str = "root") -> None:
        self._url = url
        self.token = ""
        self.token = self.post("/api/v1/users/signin", name=name, password=password)["token"]

    def post(self, path: str, **body: Any) -> Any:
        return self.send("POST", path, body)

    def get(self, path: str) -> Any:
        return self.send("GET", path)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What is answered; raises with the answer's own words."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=20) as response:
                text = response.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{method} {path}: {error.code} {error.read()[:400]!r}") from error
        return json.loads(text) if text else None


def fill(url: str, password: str) -> None:
    """What the pages of the tests show."""
    root = Client(url, password)
    for name, role in (("ada", "operator"), ("grace", "member"), ("visitor", "guest")):
        email = f"{name}@example.com"
        root.post("/api/v1/users", name=name, password=password, email=email, roles=[role])
    ada = Client(url, password, "ada")
    cluster = "/api/v1/clusters/1"
    limits: dict[str, Any] = {"load_limit": 200, "download_rate_limit": 2_000_000_000}
    ada.send("PATCH", cluster, {"bio": "Frankfurt and Amsterdam", "peer_cluster_config": limits})
    blocked = {"task": {"download": {"urls": [r"^https://example\.com/"], "priorities": [6]}}}
    limits |= {"origin_rate_limit": 500_000_000, "block_list": blocked}
    ada.send("PATCH", cluster, {"peer_cluster_config": limits, "scopes": {"cidrs": CIDRS}})
    root.post("/api/v1/clusters", name="singapore", scopes={"idc": "sin1", "location": "ap|sg"})
    team = root.post("/api/v1/teams", name="research", bio="Language models")["id"]
    root.send("PUT", f"/api/v1/teams/{team}/users/3")
    root.post(f"/api/v1/teams/{team}/models", pattern="meta-llama/*", level="write")
    root.post(
        "/api/v1/applications",
        name="trainer",
        url="https://train.example.com",
        bio="Nightly training",
        priority={"value": 4},
    )
    ends = (now() + timedelta(days=30)).isoformat()
    if not ends.endswith("+00:00"):
        ends += "+00:00"
    root.post(
        "/api/v1/personal-access-tokens", name="ci", scopes=["jobs", "clusters"], expired_at=ends
    )


def enter(session: Session) -> None:
    """Rows that nothing in a test makes: who has registered, and jobs in the middle of their work."""
    session.add(
        Scheduler(
            host_name="scheduler-0",
            ip="10.0.0.2",
            port=8002,
            state=ACTIVE,
            scheduler_cluster_id=1,
        )
    )
    for number in range(2):
        session.add(
            SeedPeer(
                host_name=f"seed-{number}",
                ip=f"10.0.0.{number}",
                port=4000,
                state=ACTIVE,
                seed_peer_cluster_id=1,
            )
        )
    _running_job(session)
    _ended(session, "SUCCESS", "Images of the inference service", "oci://registry.local/infer:1.8")
    _ended(session, "FAILURE", "", "https://example.com/models/draft.safetensors")
    _models(session)
    session.add(_job("SCHEDULED", MODEL, cron="30 7 * * 1-5", bio="Before the morning scale-out"))


def _job(state: str, url: str, **about: Any) -> Job:
    moment = now()
    return Job(
        type="preheat",
        state=state,
        task_id="a" * 32,
        args={"type": "file", "url": url, "scope": "all_peers", "percentage": 50},
        spec={},
        cluster_ids=[],
        user_id=1,
        due_at=about.pop("due_at", moment + timedelta(hours=9)),
        planned=True,
        owner="elsewhere",
        lease_until=moment + timedelta(days=30),
        **about,
    )


def _running_job(session: Session) -> None:
    """A repository of 30 files on its way to 12 hosts."""
    files, hosts, size = 30, 12, 4_700_000_000
    began = now() - timedelta(seconds=95)
    job = _job(
        "STARTED",
        MODEL,
        due_at=began,
        started_at=began,
        total_steps=files * hosts,
        done_steps=217,
        total_bytes=files * hosts * size,
        done_bytes=229 * size,
    )
    session.add(job)
    session.flush()
    for no in range(files):
        name = f"model-{no + 1:05d}-of-00030.safetensors"
        session.add(JobFile(job_id=job.id, no=no, name=name, size_bytes=size, plan={}))
    for no in range(hosts):
        name = f"gpu-fra1-{no:05d}"
        session.add(
            JobTarget(
                job_id=job.id,
                no=no,
                host_id=name,
                hostname=name,
                ip=f"10.1.0.{no}",
                port=4000,
                seed=False,
                cluster_id=1,
            )
        )
        for file_no in range(17 + no % 4):
            state = "done" if file_no < 16 + no % 4 else "running"
            share = 1.0 if state == "done" else 0.2 + 0.06 * no
            session.add(
                JobStep(
                    job_id=job.id,
                    file_no=file_no,
                    target_no=no,
                    state=state,
                    done_bytes=int(size * share),
                    size_bytes=size,
                )
            )


def _ended(session: Session, state: str, bio: str, url: str) -> None:
    moment = now() - timedelta(hours=3)
    failed = 3 if state == "FAILURE" else 0
    session.add(
        _job(
            state,
            url,
            bio=bio,
            due_at=moment,
            started_at=moment,
            finished_at=moment + timedelta(minutes=4),
            total_steps=24,
            done_steps=24 - failed,
            failed_steps=failed,
            total_bytes=88_000_000_000,
            done_bytes=88_000_000_000 if not failed else 71_000_000_000,
            error="the origin answers 404 for draft.safetensors" if failed else "",
        )
    )


def _models(session: Session) -> None:
    """Three models, the first with three versions and two tags."""
    moment = now()
    for org, bio, versions in (
        ("meta-llama/Llama-3.3-70B-Instruct", "Chat, tuned for the service desk", 3),
        ("acme/reranker", "", 1),
        ("acme/whisper-de", "German call centre", 1),
    ):
        model = Model(name=org, bio=bio, volume="models", user_id=1, keep_versions=5)
        session.add(model)
        session.flush()
        for number in range(versions):
            revision = sha256(f"{org} {number}".encode()).hexdigest()
            when = moment - timedelta(days=9 * (versions - number), hours=number)
            version = ModelVersion(
                model_id=model.id,
                revision=revision,
                state=READY,
                files=12,
                size_bytes=12 * 4_700_000_000,
                note=("", "Longer context", "Fixes the tokenizer")[number],
                user_id=1,
                uploader=("ada", "grace", "ada")[number],
                created_at=when,
                ready_at=when,
            )
            session.add(version)
            session.flush()
            for no in range(12):
                path = f"model-{no + 1:05d}-of-00012.safetensors"
                digest = "sha256:" + sha256(f"{org} {path}".encode()).hexdigest()
                session.add(
                    ModelFile(
                        version_id=version.id,
                        no=no,
                        path=path,
                        size_bytes=4_700_000_000,
                        digest=digest,
                    )
                )
        for tag in ("production", "latest")[: versions or 1]:
            session.add(
                ModelTag(model_id=model.id, name=tag, version_id=version.id, shown_id=version.id)
            )
