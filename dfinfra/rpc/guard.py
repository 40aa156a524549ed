"""Server interceptor: what a handler raises becomes a status.

Used by ``GrpcServer`` for every servicer. Wraps the four kinds of handlers of grpc.aio;
cancellation and ``context.abort`` pass through.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn

import grpc

from dfcore.errors import MeganeuraError
from dfinfra.logs import get_logger
from dfinfra.rpc.errors import to_status

_log = get_logger("rpc")

Handler = Callable[[Any, Any], Any]


class Guard(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in stubs only
    """Turns exceptions of handlers into gRPC statuses."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Called by grpc once per call, before the handler."""
        handler: Any = await continuation(handler_call_details)
        if handler is None:
            return handler
        method = handler_call_details.method
        if handler.request_streaming and handler.response_streaming:
            make, inner = grpc.stream_stream_rpc_method_handler, handler.stream_stream
        elif handler.request_streaming:
            make, inner = grpc.stream_unary_rpc_method_handler, handler.stream_unary
        elif handler.response_streaming:
            make, inner = grpc.unary_stream_rpc_method_handler, handler.unary_stream
        else:
            make, inner = grpc.unary_unary_rpc_method_handler, handler.unary_unary
        wrap = _guard_stream if handler.response_streaming else _guard_unary
        return make(
            wrap(inner, method),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def _guard_unary(inner: Handler, method: str) -> Handler:
    async def call(request: Any, context: Any) -> Any:
        try:
            return await inner(request, context)
        except MeganeuraError as error:
            await _refuse(context, error)
        except grpc.aio.AbortError:
            raise
        except NotImplementedError:
            # What the generated base class does for calls that a servicer leaves out.
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{method} is not served here")
        except Exception:
            await _break(context, method)

    return call


def _guard_stream(inner: Handler, method: str) -> Handler:
    if not inspect.isasyncgenfunction(inner):
        # A handler that writes with context.write is a coroutine like a unary one.
        return _guard_unary(inner, method)

    async def call(request: Any, context: Any) -> AsyncIterator[Any]:
        answers = inner(request, context)
        try:
            async for answer in answers:
                yield answer
        except MeganeuraError as error:
            await _refuse(context, error)
        except grpc.aio.AbortError:
            raise
        except Exception:
            await _break(context, method)
        finally:
            await answers.aclose()

    return call


async def _refuse(context: Any, error: MeganeuraError) -> NoReturn:
    status = to_status(error)
    await context.abort(status.code, status.details, status.trailers)
    raise AssertionError("abort returned")


async def _break(context: Any, method: str) -> NoReturn:
    _log.exception("rpc handler failed", method=method)
    await context.abort(grpc.StatusCode.INTERNAL, "internal error, see the log of the server")
    raise AssertionError("abort returned")
