"""Download from the Hub through a node, with huggingface_hub up to 0.36 and any version of requests.

The Hub itself is asked directly; what it redirects to one of its CDNs is asked from the node, which is
told by the header X-Dragonfly-Registry where the file lies. The adapter overrides `send`: the hook of
older recipes, `get_connection`, is no longer called since requests 2.32.

    python requests_adapter.py tiiuae/falcon-rw-1b pytorch_model.bin
"""

import os
import sys
from urllib.parse import urlsplit

# Set before huggingface_hub is imported: with hf_xet, files do not travel over requests at all.
os.environ.setdefault("HF_HUB_DISABLE_XET", "1")

import requests
from huggingface_hub import configure_http_backend, hf_hub_download
from requests.adapters import HTTPAdapter

NODE = os.environ.get("DRAGONFLY_NODE", "http://127.0.0.1:65001")
CDN_DOMAINS = (".hf.co", ".huggingface.co")


class DragonflyAdapter(HTTPAdapter):
    """Asks the node for what lies on a CDN of the Hub."""

    def send(self, request, **options):
        url = urlsplit(request.url)
        if f".{url.hostname}".endswith(CDN_DOMAINS) and url.hostname.count(".") > 1:
            request.headers["X-Dragonfly-Registry"] = f"{url.scheme}://{url.netloc}"
            request.url = NODE + url._replace(scheme="", netloc="").geturl()
            options["proxies"] = {}
        return super().send(request, **options)


def backend_factory() -> requests.Session:
    session = requests.Session()
    session.mount("http://", DragonflyAdapter())
    session.mount("https://", DragonflyAdapter())
    return session


configure_http_backend(backend_factory=backend_factory)

if __name__ == "__main__":
    print(hf_hub_download(repo_id=sys.argv[1], filename=sys.argv[2]))
