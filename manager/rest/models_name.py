"""The name of a model out of a request's path."""

from __future__ import annotations

from dfcore.errors import BadInput, NotFound
from manager.models.names import model_name
from manager.rest.routes import Call


def name_of(call: Call) -> str:
    """``org/name``. Raises BadInput where one is made, else NotFound for what cannot be a name."""
    try:
        return model_name(call.text("org"), call.text("name"))
    except BadInput as error:
        if call.request.method == "POST":
            raise
        raise NotFound(str(error)) from None
