"""AdmissionReview, both ways: what the API server asks (admission.k8s.io/v1), and what it is told. Pure.

A pod is always allowed: an injector that fails must not keep pods from starting.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from dfcore.errors import BadInput
from dfkube.injector import mutate
from dfkube.injector.config import InjectorConfig

Json = dict[str, Any]


def answer(review: object, labels: Mapping[str, str], config: InjectorConfig) -> Json:
    """The AdmissionReview to send back. ``labels`` are what is known of the pod's name space.

    Raises BadInput if it is no review of a pod.
    """
    if not isinstance(review, dict) or not isinstance(request := review.get("request"), dict):
        raise BadInput("the body is no AdmissionReview")
    uid = request.get("uid")
    if not isinstance(uid, str) or not uid:
        raise BadInput("the request has no uid")
    response: Json = {"uid": uid, "allowed": True}
    operations = _operations(request, labels, config)
    if operations:
        patch = json.dumps(operations, separators=(",", ":")).encode()
        response |= {"patchType": "JSONPatch", "patch": base64.b64encode(patch).decode()}
    return {
        "apiVersion": review.get("apiVersion", "admission.k8s.io/v1"),
        "kind": "AdmissionReview",
        "response": response,
    }


def namespace_of(review: object) -> str:
    """The name space of the pod; empty if the review does not say."""
    request = review.get("request") if isinstance(review, dict) else None
    found = request.get("namespace") if isinstance(request, dict) else None
    return found if isinstance(found, str) else ""


def _operations(request: Json, labels: Mapping[str, str], config: InjectorConfig) -> list[Json]:
    kind = request.get("kind")
    pod = request.get("object")
    if not isinstance(kind, dict) or kind.get("kind") != "Pod" or not isinstance(pod, dict):
        return []
    if not mutate.wanted(pod, str(request.get("namespace", "")), labels, config):
        return []
    return mutate.patch(pod, config)
