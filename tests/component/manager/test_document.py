"""The OpenAPI document is true: schemathesis tries every operation as root and as a guest.

No answer may be a 5xx, have a status that the document does not name, or a body outside its schema.
`tests/component/manager/install` gets the program. A longer run: MEGANEURA_FUZZ_EXAMPLES=50.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

from tests.component.manager.bed import Bed

PROGRAM = Path(__file__).parents[3] / ".venv-schemathesis" / "bin" / "schemathesis"
EXAMPLES = os.environ.get("MEGANEURA_FUZZ_EXAMPLES", "1")
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)
# They end the session or change the user that the run is made with; tried in test_sign_in.
APART = r"signout|reset_password|/users/\{id\}$|/users/\{id\}/roles"


def _run(url: str, token: str, folder: Path) -> subprocess.CompletedProcess[str]:
    phases = "fuzzing" if EXAMPLES == "1" else "coverage,fuzzing"
    command = [str(PROGRAM), "run", f"{url}/api/v1/openapi.json"]
    command += ["-H", f"Authorization: Bearer {token}", "--checks", CHECKS]
    command += ["-n", EXAMPLES, "--phases", phases, "--exclude-path-regex", APART]
    command += ["--seed", "1", "--workers", "2", "--generation-database", "none"]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


@pytest.mark.skipif(not PROGRAM.exists(), reason="schemathesis: tests/component/manager/install")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", ["root", "guest"])
async def test_every_operation_answers_as_the_document_says(
    bed: Bed, role: str, tmp_path: Path
) -> None:
    client = await bed.root()
    if role == "guest":
        wish = {"name": "guest-1", "password": "a long password"}
        await client.done("POST", "/api/v1/users", wish)
        client = await bed.anybody.signed_in("guest-1", "a long password")
    done = await asyncio.to_thread(_run, client.base, client.token, tmp_path)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
