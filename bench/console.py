"""The console before 10,000 hosts in real Chromium: ``python -m bench.console``.

A whole manager (SQLite, sign-in, REST) with a stand-in for the swarm's figures. *Usable* is when the
figures stand there, the chart and the field of hosts are drawn and the page has nothing left to do.
Bytes are those on the wire, headers included. Then a real scheduler that knows as many hosts is asked,
as the collector asks it. Needs tests/console/install.
"""

from __future__ import annotations

import asyncio
import resource
import time
from pathlib import Path
from random import Random
from statistics import median

import click

from bench.cli import json_option, measured
from bench.report import Figures
from dfinfra.pb import common_pb2
from dfinfra.rpc.channels import Channels
from manager.observe.model import Target
from manager.observe.source import GrpcSource
from scheduler import app as scheduler
from scheduler import events as ev
from scheduler.config import AdminConfig, SchedulerConfig, ServerConfig
from tests.console.browser import WIDE, Browser, browsing
from tests.console.site import PASSWORD, Site
from tests.console.swarm import Shape

_WATCH = """
window.usable = new Promise((resolve) => {
  const look = () => {
    const chart = document.querySelector('#traffic canvas');
    const field = document.querySelector('#field');
    if (document.readyState === 'complete' && chart && field && field.height > 200) {
      requestAnimationFrame(() => requestIdleCallback(() => resolve(performance.now())));
    } else setTimeout(look, 5);
  };
  look();
});
"""
_DATA = "return performance.getEntriesByType('navigation')[0].responseEnd"


def overview(folder: Path, *, hosts: int, tasks: int, rounds: int) -> Figures:
    """The overview with an empty cache, then with a full one, then what staying fresh costs."""
    shape = Shape(hosts=hosts, tasks=tasks * 13 // 10, peers_per_task=30)
    with Site(folder, shape) as site, browsing(site.url) as browser:
        browser.size(*WIDE)
        browser.sign_in("root", PASSWORD)
        browser.cdp("Page.enable")
        browser.cdp("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
        figures: Figures = {"hosts": hosts, "running_downloads": float(_running(browser))}
        for name, disabled in (("empty_cache", True), ("full_cache", False)):
            browser.cdp("Network.setCacheDisabled", cacheDisabled=disabled)
            seen = [_open(browser) for _ in range(rounds + 1)][1:]
            figures |= {
                f"{name}_{key}": median(one[key] for one in seen) for key in sorted(seen[0])
            }
            figures[f"{name}_usable_worst_ms"] = max(one["usable_ms"] for one in seen)
        browser.requests()
        time.sleep(10)
        news = [one["bytes"] for one in browser.requests() if "_live" in one["url"]]
        figures["news_bytes_per_s"] = sum(news) / 10
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return figures | {"manager_and_bench_rss_mib": peak_kib / 1024}


def _running(browser: Browser) -> int:
    tiles = browser.all("[data-part=tiles] .value")
    return int(tiles[3].text.replace(",", ""))


def _open(browser: Browser) -> dict[str, float]:
    browser.requests()
    browser.driver.get(browser.base + "/")
    usable = browser.driver.execute_async_script("window.usable.then(arguments[0])")
    own = [one for one in browser.requests() if one["url"].startswith(browser.base)]
    return {
        "usable_ms": float(usable),
        "answer_ms": float(browser.script(_DATA)),
        "bytes": float(sum(one["bytes"] for one in own if "_live" not in one["url"])),
        "requests": float(len(own)),
    }


async def _ask(hosts: int) -> Figures:
    config = SchedulerConfig(
        server=ServerConfig(listen_ip="127.0.0.1", port=0), admin=AdminConfig(port=0)
    )
    built, chance = scheduler.build(config), Random(1)
    for service in built.services:
        await service.start()
    for number in range(hosts):
        name = f"gpu-{number:05d}"
        host = common_pb2.Host(id=f"10.0.0.1-{name}", hostname=name, ip="10.0.0.1", port=4000)
        host.disk.total, host.disk.used = 4 * 10**12, chance.randrange(10**12)
        built.shell.tell(ev.HostAnnounced(ev.HostInfo(host.id, hostname=name, announced=host), 600))
    channels = Channels()
    source = GrpcSource(channels)
    target = Target(f"127.0.0.1:{built.grpc.port}", "bench")
    took: Figures = {}
    for name, wanted in (("all_hosts", True), ("figures_only", False)):
        times = []
        for _ in range(5):
            began = time.monotonic()
            await source.swarm(target, hosts=wanted, notes_after=0)
            times.append(time.monotonic() - began)
        took[f"asked_for_{name}_ms"] = 1000 * median(times)
    await source.aclose()
    await channels.close()
    for service in reversed(built.services):
        await service.stop()
    return took


@click.command(help=__doc__)
@click.option("--hosts", default=10_000, show_default=True)
@click.option("--tasks", default=100, show_default=True, help="That run.")
@click.option("--rounds", default=7, show_default=True)
@json_option
def main(hosts: int, tasks: int, rounds: int, json_file: Path | None) -> None:
    """Measure."""

    def work(folder: Path) -> Figures:
        return overview(folder, hosts=hosts, tasks=tasks, rounds=rounds) | asyncio.run(_ask(hosts))

    measured(f"console, {hosts:,} hosts", json_file, work)


if __name__ == "__main__":
    main()
