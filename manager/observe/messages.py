"""Answers of a scheduler's extension become `model` values. Pure."""

from __future__ import annotations

from dfinfra.pb import meganeura_pb2 as pb
from manager.observe.model import (
    Held,
    Host,
    Note,
    Peer,
    Source,
    Swarm,
    Target,
    Task,
    TaskDetail,
    Traffic,
)


def swarm(answer: pb.DescribeSwarmResponse, target: Target, *, hosts: bool) -> Swarm:
    """`hosts`: they were asked for."""
    traffic = answer.traffic
    return Swarm(
        boot_id=answer.boot_id,
        host_count=answer.host_count,
        task_count=answer.task_count,
        peer_count=answer.peer_count,
        tasks=tuple(task(message, target) for message in answer.tasks),
        hosts=tuple(host(message, target) for message in answer.hosts) if hosts else None,
        traffic=Traffic(
            traffic.origin_to_seeds,
            traffic.origin_to_peers,
            traffic.seeds_to_peers,
            traffic.peers_to_peers,
        ),
        notes=tuple(
            Note(n.number, n.at_ms / 1000, n.kind, n.host_id, n.task_id, n.text, target.name)
            for n in answer.notes
        ),
    )


def host(message: pb.SwarmHost, target: Target) -> Host:
    return Host(
        id=message.host_id,
        hostname=message.hostname,
        ip=message.ip,
        port=message.port,
        seed=message.seed,
        own=message.own,
        idc=message.idc,
        location=message.location,
        version=message.version,
        cpu_percent=message.cpu_percent,
        memory_percent=message.memory_percent,
        disk_total=message.disk_total,
        disk_used=message.disk_used,
        rx_rate=message.rx_bps / 8,
        tx_rate=message.tx_bps / 8,
        served_rate=message.served_bps / 8,
        task_count=message.task_count,
        running_count=message.running_count,
        quarantined=message.quarantined,
        disable_shared=message.disable_shared,
        announced_at=message.announced_ms / 1000,
        cluster=target.cluster,
        scheduler=target.name,
    )


def task(message: pb.SwarmTask, target: Target) -> Task:
    info = message.task
    return Task(
        id=info.task_id,
        url=info.url,
        state=info.state,
        size_bytes=info.size_bytes,
        peer_count=info.peer_count,
        complete_count=info.complete_count,
        running_count=message.running_count,
        running_bytes=message.running_bytes,
        rate=message.bytes_per_s,
        tag=message.tag,
        application=message.application,
        digest=message.digest,
        created_at=message.created_ms / 1000,
        updated_at=message.updated_ms / 1000,
        cluster=target.cluster,
        scheduler=target.name,
    )


def held(answer: pb.ListPeersResponse) -> list[Held]:
    """Largest first."""
    found = [
        Held(peer.task_id, peer.url, peer.state, peer.finished_bytes, peer.size_bytes)
        for peer in answer.peers
    ]
    return sorted(found, key=lambda one: -one.size_bytes)


def detail(answer: pb.DescribeTaskResponse, target: Target) -> TaskDetail:
    hosts = {message.host_id: host(message, target) for message in answer.hosts}
    return TaskDetail(
        task=task(answer.task, target),
        piece_length=answer.piece_length,
        piece_count=answer.piece_count,
        peers=tuple(_peer(message) for message in answer.peers),
        feeder=answer.feeder_host_id,
        hosts=hosts,
    )


def _peer(message: pb.SwarmPeer) -> Peer:
    info = message.peer
    return Peer(
        id=info.peer_id,
        host_id=info.host_id,
        state=info.state,
        seed=info.seed,
        complete=message.complete,
        finished_bytes=info.finished_bytes,
        rate=message.bytes_per_s,
        pieces=message.pieces,
        sources=tuple(
            Source(source.host_id, source.size_bytes, source.bytes_per_s)
            for source in message.sources
        ),
        neighbours=tuple(message.neighbours),
        created_at=message.created_ms / 1000,
        updated_at=message.updated_ms / 1000,
    )
