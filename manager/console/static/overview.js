// The overview's pictures: traffic over time, and one dot per host.

import { formatBytes, hue, live } from "./app.js";

const KINDS = ["peers", "seeds", "origin"];
const box = document.querySelector("#traffic");
const readout = document.querySelector("#readout");
let span = "fine";
let plot = null;
const columns = { fine: live.data.fine, coarse: null };

// uPlot draws lines; bands of stacked sums make areas.
function stacked([times, peers, seeds, origin]) {
  const second = origin.map((value, i) => value + seeds[i]);
  return [times, second.map((value, i) => value + peers[i]), second, origin];
}

function tell(index) {
  const [times, ...values] = columns[span];
  const at = index ?? times.length - 1;
  if (at < 0) { readout.textContent = "Waiting for the first figures…"; return; }
  readout.replaceChildren(index == null ? "now" : clock(times[at]));
  KINDS.forEach((kind, i) => {
    const part = document.createElement("span");
    part.className = `key ${kind}`;
    const figure = document.createElement("b");
    figure.textContent = formatBytes(values[i][at], "/s");
    part.append(`${kind} `, figure);
    readout.append(part);
  });
}

function clock(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...(span === "fine" && columns.fine[0].length < 150 ? { second: "2-digit" } : {}) });
}

function options() {
  const axis = { stroke: hue("muted"), font: "12px Inter, sans-serif", grid: { stroke: hue("line"), width: 1 }, ticks: { show: false } };
  const area = (name) => ({ stroke: hue(name), fill: `${hue(name)}2e`, width: 1.6, points: { show: false } });
  return {
    width: box.clientWidth, height: box.clientHeight, padding: [8, 6, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { x: { time: true }, y: { range: (_, __, max) => [0, Math.max(max * 1.12, 1000)] } },
    axes: [{ ...axis, grid: { show: false }, space: 90, size: 30, values: (_, ticks) => ticks.map(clock) }, { ...axis, size: 76, values: (_, ticks) => ticks.map((tick) => (tick ? formatBytes(tick, "/s") : "0")) }],
    series: [{}, area("peers"), area("seeds"), area("origin")],
    hooks: { setCursor: [(u) => tell(u.cursor.idx)] },
  };
}

function draw() {
  plot?.destroy();
  plot = null;
  if (!columns[span]) return;
  plot = new uPlot(options(), stacked(columns[span]), box);
  tell(null);
}

function grow(fresh) {
  const mine = columns.fine;
  if (!fresh || !fresh[0].length) return;
  fresh.forEach((column, i) => { mine[i].push(...column); mine[i].splice(0, Math.max(0, mine[i].length - 900)); });
  if (span !== "fine") return;
  plot?.setData(stacked(mine));
  if (plot?.cursor.idx == null) tell(null);
}

for (const button of document.querySelectorAll("[data-span]")) {
  button.addEventListener("click", async () => {
    span = button.dataset.span;
    for (const other of document.querySelectorAll("[data-span]")) other.setAttribute("aria-pressed", String(other === button));
    if (span === "coarse") columns.coarse = (await live.ask({ span: "coarse" })).data.coarse;
    draw();
  });
}

// One dot per host ----------------------------------------------------------------------------

const field = document.querySelector("#field");
const tip = document.querySelector("#field-tip");
const TINTS = ["line-strong", "peers", "seeds", "origin", "bad"];
let states = "";
let cells = { columns: 1, size: 8, gap: 2 };

function layout(count) {
  const width = field.clientWidth || 300;
  const most = 300;
  for (const size of [18, 14, 11, 9, 7, 5, 4, 3, 2]) {
    const gap = size > 4 ? 3 : 1;
    const across = Math.max(1, Math.floor((width + gap) / (size + gap)));
    if (Math.ceil(count / across) * (size + gap) <= most || size === 2) return { columns: across, size, gap };
  }
  return cells;
}

function paint() {
  cells = layout(states.length);
  const ratio = devicePixelRatio || 1;
  const pitch = cells.size + cells.gap;
  const height = Math.max(1, Math.ceil(states.length / cells.columns)) * pitch;
  field.style.height = `${height}px`;
  field.width = field.clientWidth * ratio;
  field.height = height * ratio;
  const context = field.getContext("2d");
  context.scale(ratio, ratio);
  TINTS.forEach((tint, kind) => {
    context.fillStyle = hue(tint);
    context.beginPath();
    for (let i = 0; i < states.length; i += 1) {
      if (Number(states[i]) !== kind) continue;
      const x = (i % cells.columns) * pitch;
      const y = Math.floor(i / cells.columns) * pitch;
      if (cells.size > 5) context.roundRect(x, y, cells.size, cells.size, cells.size / 3.2);
      else context.rect(x, y, cells.size, cells.size);
    }
    context.fill();
  });
}

function cellAt(event) {
  const rect = field.getBoundingClientRect();
  const pitch = cells.size + cells.gap;
  const column = Math.floor((event.clientX - rect.left) / pitch);
  const index = Math.floor((event.clientY - rect.top) / pitch) * cells.columns + column;
  return column < cells.columns && index >= 0 && index < states.length ? index : null;
}

let hovered = null;
field.addEventListener("pointermove", (event) => {
  const index = cellAt(event);
  if (index === hovered) return;
  hovered = index;
  tip.hidden = true;
  if (index === null) return;
  setTimeout(async () => {
    if (hovered !== index) return;
    const response = await fetch(`/hosts/at/${index}`, { credentials: "same-origin" });
    if (!response.ok || hovered !== index) return;
    const host = await response.json();
    tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: host.hostname }), Object.assign(document.createElement("span"), { textContent: host.about }));
    const pitch = cells.size + cells.gap;
    tip.style.left = `${Math.min((index % cells.columns) * pitch, Math.max(0, field.clientWidth - 190))}px`;
    tip.style.top = `${(Math.floor(index / cells.columns) + 1) * pitch + 6}px`;
    tip.hidden = false;
  }, 90);
});
field.addEventListener("pointerleave", () => { hovered = null; tip.hidden = true; });
field.addEventListener("click", (event) => {
  const index = cellAt(event);
  if (index !== null) location.assign(`/hosts/at/${index}?open`);
});

// ---------------------------------------------------------------------------------------------

live.listen((data, first) => {
  if (!data) return;
  if (!first) grow(data.fine);
  live.query.after = columns.fine[0].at(-1) ?? 0;
  if (data.field) { states = data.field; paint(); }
  live.query.field = data.field_at;
});

const redraw = () => { draw(); paint(); };
document.addEventListener("themechange", redraw);
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; redraw(); } });
draw();
