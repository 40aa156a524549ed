"""Download from the Hub through a node, with huggingface_hub 1.x (httpx) and 2.x (httpx2).

The Hub itself is asked directly; what it redirects to one of its CDNs is asked from the node, which is
told by the header X-Dragonfly-Registry where the file lies.

    python httpx_transport.py tiiuae/falcon-rw-1b pytorch_model.bin
"""

import os
import sys
from importlib.metadata import version

# Set before huggingface_hub is imported: with hf_xet, files do not travel over httpx at all.
os.environ.setdefault("HF_HUB_DISABLE_XET", "1")

if int(version("huggingface_hub").split(".")[0]) >= 2:
    import httpx2 as httpx
else:
    import httpx

from huggingface_hub import hf_hub_download, set_client_factory
from huggingface_hub.utils._http import hf_request_event_hook

NODE = httpx.URL(os.environ.get("DRAGONFLY_NODE", "http://127.0.0.1:65001"))
CDN_PATTERNS = ("all://*.hf.co", "all://*.huggingface.co")


class DragonflyTransport(httpx.HTTPTransport):
    """Asks the node for what lies elsewhere."""

    def handle_request(self, request):
        url = request.url
        headers = request.headers.copy()
        headers["Host"] = NODE.netloc.decode()
        headers["X-Dragonfly-Registry"] = f"{url.scheme}://{url.netloc.decode()}"
        node_url = url.copy_with(scheme=NODE.scheme, host=NODE.host, port=NODE.port)
        asked = httpx.Request(
            request.method,
            node_url,
            headers=headers,
            stream=request.stream,
            extensions=request.extensions,
        )
        return super().handle_request(asked)


def client_factory() -> httpx.Client:
    return httpx.Client(
        mounts={pattern: DragonflyTransport() for pattern in CDN_PATTERNS},
        event_hooks={"request": [hf_request_event_hook]},
        follow_redirects=True,
        timeout=None,
    )


set_client_factory(client_factory)

if __name__ == "__main__":
    print(hf_hub_download(repo_id=sys.argv[1], filename=sys.argv[2]))
