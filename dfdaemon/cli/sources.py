"""Which files a URL stands for: one HTTP resource, files of a Hub's repository, objects of a store."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from dfcore.errors import BadInput, MeganeuraError, OriginRefused
from dfcore.ids import DEFAULT_FILTERED_QUERY_PARAMS, blob_digest_in_url
from dfdaemon.cli.hubfiles import HubFiles
from dfdaemon.cli.items import DEFAULT_HUB, GetOptions, Item, Listing
from dfdaemon.cli.mirror import is_mirror, through_mirror
from dfdaemon.cli.refusal import told
from dfdaemon.hub.config import HubConfig
from dfdaemon.hub.origin import OriginGateway
from dfdaemon.hub.urls import HubUrl, hub_url_of_page, parse_hub_url
from dfdaemon.task.spec import Headers
from dfinfra.clock import SystemClock
from dfinfra.http import ClientLimits, client_session


async def list_items(options: GetOptions) -> Listing:
    """The files that the URL stands for, with what is known of them."""
    scheme = options.url.partition("://")[0].lower()
    if options.headers and scheme in ("hf", "s3", "gs"):
        raise BadInput(f"--header is for http:// and https:// URLs, this one is {scheme}://")
    if scheme == "hf":
        return await _hub_listing(parse_hub_url(options.url), options)
    if scheme in ("s3", "gs"):
        from dfdaemon.cli.objects import list_objects  # loads a large library

        return _with_wishes(await list_objects(options), options)
    if scheme not in ("http", "https"):
        raise BadInput("the URL must begin with http://, https://, hf://, s3:// or gs://")
    page = hub_url_of_page(options.url, options.hf_endpoint.rstrip("/"))
    if page is not None and not options.headers:
        return await _hub_listing(page, options)
    if options.recursive:
        raise BadInput("--recursive lists hf://, s3:// and gs:// URLs; HTTP has no listing")
    return Listing("", (_http_item(options),), single=True)


async def _hub_listing(wanted: HubUrl, options: GetOptions) -> Listing:
    try:
        config = HubConfig(endpoint=options.hf_endpoint)
    except ValueError as error:
        raise BadInput(f"--hf-endpoint: {error}") from None
    async with client_session(ClientLimits(trust_env=True)) as session:
        gateway = OriginGateway(config, session, SystemClock())
        hub = HubFiles(gateway, config.base, options.hf_token)
        mirrored = config.base != DEFAULT_HUB and await is_mirror(session, config.base)
        try:
            listing = await hub.files_of(wanted, recursive=options.recursive)
        except OriginRefused as error:
            refusal = told(f"hf://{wanted.repo.prefix}{wanted.repo.id}", error)
            if error.status in (401, 403) and not options.hf_token:
                line = str(refusal).rstrip(".")
                raise MeganeuraError(f"{line} (a token in HF_TOKEN may help)") from error
            raise refusal from error
    if mirrored:
        listing = through_mirror(listing)
    return _with_wishes(listing, options)


def _with_wishes(listing: Listing, options: GetOptions) -> Listing:
    """The user's own digest beside, or against, the one that the origin names; the user's own name."""
    digest = options.digest
    if digest is None and options.content is None:
        return listing
    if not listing.single:
        raise BadInput(
            "--digest and --content-for-calculating-task-id are of one file, the URL names several"
        )
    item = listing.items[0]
    if item.digest is None or digest is None:
        digest = digest or item.digest
    elif item.digest.algorithm == digest.algorithm and item.digest != digest:
        raise BadInput(f"--digest {digest}: the origin says that the file is {item.digest}")
    item = replace(item, digest=digest, content=options.content or item.content)
    return replace(listing, items=(item,))


def _http_item(options: GetOptions) -> Item:
    try:
        parts = urlsplit(options.url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise BadInput(f"the URL makes no sense: {error}") from None
    if not host:
        raise BadInput("the URL names no host")
    headers = dict(options.headers)
    if parts.username is not None:
        # The daemon keeps and shows URLs, never headers.
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers.setdefault("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    url = parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="").geturl()
    return Item(
        name=unquote(PurePosixPath(parts.path).name) or host,
        url=url,
        digest=options.digest or blob_digest_in_url(url),
        content=options.content,
        headers=Headers(headers),
        filtered_query_params=options.filtered_query_params or DEFAULT_FILTERED_QUERY_PARAMS,
    )
