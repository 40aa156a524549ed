"""Who asks, and may they read it: the Hub's checks in the Hub's order and words.

Used by every handler of the Hub. Statuses and codes: facts, sections 1.3 and 9.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from tests.standin.model import File, HubState, Repo, User
from tests.standin.reply import RefusedError, error_reply

DISABLED = "Access to this resource is disabled."
INVALID = "Invalid credentials in Authorization header"


def identify(state: HubState, headers: Mapping[str, str]) -> User | None:
    """User of the Bearer (or, for git, Basic) credentials; None when there are none."""
    value = headers.get("Authorization")
    if not value:
        return None
    scheme, _, rest = value.partition(" ")
    token = rest.strip()
    if scheme.lower() == "basic":
        try:
            token = base64.b64decode(token).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            token = ""
    user = state.tokens.get(token)
    if user is None:
        raise RefusedError(error_reply(401, INVALID))
    return user


def readable(state: HubState, user: User | None, type: str, repo_id: str) -> Repo:
    """The repository, when `user` may read it; else the refusal the Hub would send."""
    repo = state.repos.get((type, repo_id))
    granted = user is not None and repo_id in user.granted
    if repo is None or (repo.private and not granted):
        raise RefusedError(
            error_reply(401, "Invalid username or password.", code="RepoNotFound")
            if user is None
            else error_reply(404, "Repository not found", code="RepoNotFound")
        )
    if repo.gated and not granted:
        message = f"Access to {type} {repo_id} is restricted."
        if user is None:
            message += " You must have access to it and be authenticated to access it."
        else:
            message += " You are not in the authorized list."
        raise RefusedError(error_reply(403 if user else 401, message, code="GatedRepo"))
    if repo.disabled:
        raise RefusedError(error_reply(403, DISABLED))
    return repo


def commit_of(repo: Repo, revision: str) -> str:
    """Commit of `revision`, or the Hub's refusal."""
    commit = repo.resolve(revision)
    if commit is None:
        message = f"Invalid rev id: {revision}"
        raise RefusedError(error_reply(404, message, code="RevisionNotFound"))
    return commit


def file_of(repo: Repo, commit: str, path: str) -> File:
    """File of a commit, or the Hub's refusal (which tells the commit)."""
    file = repo.commits[commit].get(path)
    if file is None:
        headers = {"X-Repo-Commit": commit}
        message = "Entry not found"
        raise RefusedError(error_reply(404, message, code="EntryNotFound", headers=headers))
    return file
