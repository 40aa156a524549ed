// A task's pictures: who feeds whom as a graph, which pieces are held by how many and by whom.
// The graph is a decoration of the table below it; arrow keys walk it, Enter opens a host.

import { formatBytes, hue, live, still } from "./app.js";

const canvas = document.querySelector("#swarm");
const tip = document.querySelector("#swarm-tip");
const ORIGIN = -1;
let nodes = [];
let edges = [];
let origin = { x: 0, y: 0 };
let chosen = null;
let colours = {};
let radius = 12;
let named = true;

function readColours() {
  for (const name of ["peers", "seeds", "origin", "bad", "line", "line-strong", "surface", "text", "muted"]) colours[name] = hue(name);
}

// Layout --------------------------------------------------------------------------------------

function ring(members, cx, cy, rx, ry, turn) {
  members.forEach((node, i) => {
    const angle = turn + (2 * Math.PI * i) / members.length;
    node.x = cx + rx * Math.cos(angle);
    node.y = cy + ry * Math.sin(angle);
  });
}

// Few hosts stand in columns: what comes from the origin flows to the right.
function line(seeds, peers, width, height) {
  radius = 16;
  named = true;
  origin = { x: width * 0.14, y: height / 2 };
  const column = (members, x) => members.forEach((node, i) => {
    node.x = x;
    node.y = (height * (i + 1)) / (members.length + 1);
  });
  column(seeds, width * 0.42);
  column(peers, width * 0.76);
}

// Origin in the middle, seeds close around it, everybody else outside, neighbours of one place
// side by side.
function place() {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const cx = width / 2;
  const cy = height / 2;
  origin = { x: cx, y: cy };
  const seeds = nodes.filter((node) => node.seed);
  const peers = nodes.filter((node) => !node.seed).sort((a, b) => (a.place + a.name).localeCompare(b.place + b.name));
  const many = peers.length;
  if (many <= 8 && width >= 560) { line(seeds, peers, width, height); return; }
  radius = many <= 26 ? 15 : many <= 60 ? 11 : many <= 130 ? 7.5 : 5;
  if (width < 560) radius = Math.min(radius, 9);
  named = many <= 42 && width / Math.max(many, 1) > 30;
  const rx = width / 2 - (named ? 64 : 26);
  const ry = height / 2 - (named ? 46 : 30);
  ring(seeds, cx, cy, Math.min(rx * 0.42, 150), Math.min(ry * 0.46, 92), seeds.length === 1 ? -Math.PI / 2 : -Math.PI / 3);
  const rings = many <= 48 ? 1 : many <= 130 ? 2 : 3;
  for (let r = 0; r < rings; r += 1) {
    const share = 1 - r * (rings === 2 ? 0.24 : 0.17);
    ring(peers.filter((_, i) => i % rings === r), cx, cy, rx * share, ry * share, -Math.PI / 2 + (r * Math.PI) / Math.max(many, 1));
  }
}

function take(data) {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const same = data.peers.length === nodes.length && data.peers.every((peer) => known.has(peer.id));
  nodes = data.peers.map((peer) => Object.assign(same ? known.get(peer.id) : {}, peer));
  const before = new Map(edges.map((edge) => [`${edge.from}>${edge.to}`, edge.phase]));
  const most = Math.max(1, ...data.edges.map((edge) => edge[2]));
  edges = data.edges.map(([from, to, rate, bytes]) => ({
    from, to, rate, bytes, weight: Math.sqrt(rate / most), phase: before.get(`${from}>${to}`) ?? Math.random(),
  })).sort((a, b) => a.rate - b.rate);
  if (!same) place();
}

// Drawing -------------------------------------------------------------------------------------

const end = (index) => (index === ORIGIN ? origin : nodes[index]);
const tint = (edge) => (edge.from === ORIGIN ? colours.origin : nodes[edge.from].seed ? colours.seeds : colours.peers);

// A curve that bends towards the middle, more so the longer it is.
function bend(edge) {
  const a = end(edge.from);
  const b = end(edge.to);
  const pull = edge.from === ORIGIN ? 0.08 : 0.34;
  const mx = (a.x + b.x) / 2;
  const my = (a.y + b.y) / 2;
  const side = edge.from === ORIGIN ? 0.12 : 0;
  return [a, { x: mx + (origin.x - mx) * pull - (b.y - a.y) * side, y: my + (origin.y - my) * pull + (b.x - a.x) * side }, b];
}

function along([a, c, b], t) {
  const u = 1 - t;
  return { x: u * u * a.x + 2 * u * t * c.x + t * t * b.x, y: u * u * a.y + 2 * u * t * c.y + t * t * b.y };
}

const touches = (edge) => chosen === null || edge.from === chosen || edge.to === chosen;

function drawEdges(g) {
  for (const edge of edges) {
    const [a, c, b] = bend(edge);
    const near = touches(edge);
    g.globalAlpha = near ? (edge.rate >= 1 ? 0.16 + 0.5 * edge.weight : 0.1) * (chosen === null ? 1 : 1.6) : 0.03;
    g.strokeStyle = tint(edge);
    g.lineWidth = edge.rate >= 1 ? 0.8 + 2.2 * edge.weight : 0.7;
    g.beginPath();
    g.moveTo(a.x, a.y);
    g.quadraticCurveTo(c.x, c.y, b.x, b.y);
    g.stroke();
  }
}

function drawFlow(g, seconds) {
  for (const edge of edges.slice(-260)) {
    if (edge.rate < 1 || !touches(edge)) continue;
    const curve = bend(edge);
    g.fillStyle = tint(edge);
    g.globalAlpha = 0.55 + 0.45 * edge.weight;
    for (let drop = 0; drop < 2; drop += 1) {
      const t = (edge.phase + drop / 2 + seconds * (0.14 + 0.34 * edge.weight)) % 1;
      const spot = along(curve, t);
      g.beginPath();
      g.arc(spot.x, spot.y, 1.2 + 1.5 * edge.weight, 0, 7);
      g.fill();
    }
  }
}

function drawNode(g, node, index) {
  const dim = chosen !== null && chosen !== index && !edges.some((edge) => touches(edge) && (edge.from === index || edge.to === index));
  const colour = node.bad ? colours.bad : node.seed ? colours.seeds : colours.peers;
  const r = node.seed ? radius * 1.3 : radius;
  g.globalAlpha = dim ? 0.25 : 1;
  g.fillStyle = colours.surface;
  g.beginPath();
  g.arc(node.x, node.y, r + 2, 0, 7);
  g.fill();
  g.fillStyle = colour;
  if (node.complete) {
    g.beginPath(); g.arc(node.x, node.y, r, 0, 7); g.fill();
  } else {
    g.lineWidth = Math.max(2, r / 4);
    g.strokeStyle = colours["line-strong"];
    g.beginPath(); g.arc(node.x, node.y, r - g.lineWidth / 2, 0, 7); g.stroke();
    g.strokeStyle = colour;
    g.beginPath(); g.arc(node.x, node.y, r - g.lineWidth / 2, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * node.share); g.stroke();
  }
  if (index === chosen) {
    g.strokeStyle = colours.text; g.lineWidth = 1.5;
    g.beginPath(); g.arc(node.x, node.y, r + 4, 0, 7); g.stroke();
  }
  if (named || node.seed || index === chosen) {
    g.fillStyle = index === chosen ? colours.text : colours.muted;
    g.lineWidth = 3;
    g.strokeStyle = colours.surface;
    g.strokeText(node.label, node.x, node.y + r + 14);
    g.fillText(node.label, node.x, node.y + r + 14);
  }
}

function draw(seconds) {
  const ratio = devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    place();
  }
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  g.font = "11px Inter, sans-serif";
  g.textAlign = "center";
  g.lineJoin = "round";
  drawEdges(g);
  if (!still.matches) drawFlow(g, seconds);
  nodes.forEach((node, index) => drawNode(g, node, index));
  g.globalAlpha = 1;
  g.fillStyle = colours.surface;
  g.beginPath(); g.arc(origin.x, origin.y, 17, 0, 7); g.fill();
  g.fillStyle = colours.origin;
  g.beginPath(); g.roundRect(origin.x - 13, origin.y - 13, 26, 26, 8); g.fill();
  g.fillStyle = colours.muted;
  g.fillText("origin", origin.x, origin.y + 28);
}

let asked = false;
function frame(now) {
  asked = false;
  draw(now / 1000);
  if (!still.matches && !document.hidden && edges.some((edge) => edge.rate >= 1)) again();
}
function again() { if (!asked) { asked = true; requestAnimationFrame(frame); } }

// Pointing ------------------------------------------------------------------------------------

function choose(index) {
  if (index === chosen) return;
  chosen = index;
  tip.hidden = index === null;
  if (index !== null) {
    const node = nodes[index];
    const given = edges.filter((edge) => edge.from === index).reduce((sum, edge) => sum + edge.rate, 0);
    const lines = [`${Math.floor(node.share * 100)} % of the pieces${node.place ? `, ${node.place}` : ""}`, `takes ${formatBytes(node.rate, "/s")}, gives ${formatBytes(given, "/s")}`];
    tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: node.name }), ...lines.map((textContent) => Object.assign(document.createElement("span"), { textContent })));
    const wide = canvas.clientWidth;
    tip.style.left = `${Math.min(Math.max(node.x + radius + 8, 8), wide - 230)}px`;
    tip.style.top = `${Math.min(node.y + radius + 4, canvas.clientHeight - 80)}px`;
  }
  again();
}

function nearest(event) {
  const rect = canvas.getBoundingClientRect();
  const x = event.clientX - rect.left;
  const y = event.clientY - rect.top;
  let best = null;
  let least = (radius + 10) ** 2;
  nodes.forEach((node, index) => {
    const away = (node.x - x) ** 2 + (node.y - y) ** 2;
    if (away < least) { least = away; best = index; }
  });
  return best;
}

canvas.addEventListener("pointermove", (event) => choose(nearest(event)));
canvas.addEventListener("pointerleave", () => choose(null));
canvas.addEventListener("blur", () => choose(null));
canvas.addEventListener("click", (event) => { const index = nearest(event); if (index !== null) location.assign(`/hosts/${encodeURIComponent(nodes[index].id)}`); });
canvas.addEventListener("keydown", (event) => {
  const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (by && nodes.length) { event.preventDefault(); choose(((chosen ?? -by) + by + nodes.length) % nodes.length); }
  if (event.key === "Enter" && chosen !== null) location.assign(`/hosts/${encodeURIComponent(nodes[chosen].id)}`);
});
document.addEventListener("pointerover", (event) => {
  const row = event.target.closest?.("tr[data-host]");
  if (row) choose(nodes.findIndex((node) => node.id === row.dataset.host) ?? null);
});

// Pieces --------------------------------------------------------------------------------------

function bitsOf(peer, count) {
  if (peer.complete) return new Uint8Array(count).fill(1);
  const bits = new Uint8Array(count);
  for (let i = 0; i < count; i += 1) bits[i] = (parseInt(peer.pieces.slice((i >> 3) * 2, (i >> 3) * 2 + 2), 16) >> (i & 7)) & 1;
  return bits;
}

function strip(target, shares, colour) {
  const ratio = devicePixelRatio || 1;
  const width = target.clientWidth;
  if (!width) return;
  target.width = width * ratio;
  target.height = target.clientHeight * ratio;
  const g = target.getContext("2d");
  g.fillStyle = colours.line;
  g.fillRect(0, 0, target.width, target.height);
  const pitch = target.width / shares.length;
  const gap = pitch > 5 ? ratio : 0;
  g.fillStyle = colour;
  shares.forEach((share, i) => {
    if (!share) return;
    g.globalAlpha = 0.18 + 0.82 * share;
    g.fillRect(Math.floor(i * pitch), 0, Math.max(1, Math.ceil((i + 1) * pitch) - Math.floor(i * pitch) - gap), target.height);
  });
  g.globalAlpha = 1;
}

function drawPieces() {
  const { peers, pieces } = live.data;
  if (!pieces) return;
  const all = new Array(pieces).fill(0);
  for (const peer of peers) {
    const bits = bitsOf(peer, pieces);
    bits.forEach((bit, i) => { all[i] += bit; });
    const row = document.querySelector(`tr[data-host="${CSS.escape(peer.id)}"] canvas.pieces`);
    if (row) strip(row, [...bits], peer.seed ? colours.seeds : colours.peers);
  }
  const availability = document.querySelector("#availability");
  strip(availability, all.map((number) => number / Math.max(1, peers.length)), colours.peers);
  const rare = Math.min(...all);
  availability.setAttribute("aria-label", `Every piece is held by at least ${rare} of ${peers.length} hosts`);
}

// ---------------------------------------------------------------------------------------------

readColours();
live.listen((data) => { if (data) { take(data); again(); } });
document.addEventListener("refreshed", drawPieces);
document.addEventListener("themechange", () => { readColours(); again(); drawPieces(); });
document.addEventListener("visibilitychange", again);
addEventListener("resize", () => { place(); again(); drawPieces(); });
document.fonts?.ready.then(again);
drawPieces();
