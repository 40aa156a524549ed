// What every page needs: menu, theme, keys, the palette, forms that speak to REST, and staying fresh.
// Plain modules, no build. Pages import `live` and `hue` from here.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// Colours of the theme, for canvases. Asked again when the theme changes.
export function hue(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export const still = matchMedia("(prefers-reduced-motion: reduce)");

export function formatBytes(value, suffix = "") {
  const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
  let unit = 0;
  while (Math.abs(value) >= 999.5 && unit < units.length - 1) { value /= 1000; unit += 1; }
  const digits = unit === 0 ? 0 : value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${units[unit]}${suffix}`;
}

// Theme ---------------------------------------------------------------------------------------

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function changed() { document.dispatchEvent(new CustomEvent("themechange")); }

function toggleTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  changed();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
$("#theme")?.addEventListener("click", toggleTheme);

// Menu ----------------------------------------------------------------------------------------

const nav = $("#nav");
const menuButton = $("#open-menu");

function showMenu(open) {
  nav?.classList.toggle("open", open);
  menuButton?.setAttribute("aria-expanded", String(open));
  if (open) $("a.item[aria-current], a.item", nav)?.focus();
}

menuButton?.addEventListener("click", () => showMenu(!nav.classList.contains("open")));
document.addEventListener("click", (event) => {
  if (nav?.classList.contains("open") && !event.target.closest("#nav, #open-menu")) showMenu(false);
  for (const menu of $$("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
const top_ = $("#top");
addEventListener("scroll", () => top_?.classList.toggle("stuck", scrollY > 6), { passive: true });

// Messages ------------------------------------------------------------------------------------

export function toast(text, bad = false) {
  $(".toast[role]")?.remove();
  const note = document.createElement("p");
  note.className = bad ? "toast bad" : "toast";
  note.setAttribute("role", bad ? "alert" : "status");
  note.textContent = text;
  document.body.append(note);
  setTimeout(() => note.remove(), bad ? 8000 : 4000);
}

function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
}

// A dialog that goes away when it closes.
function passing(dialog) {
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.showModal();
  return dialog;
}

function sure(question, action) {
  const dialog = element(`<dialog aria-labelledby="sure-title"><form method="dialog"><h2 id="sure-title"></h2>
    <p class="actions"><button class="button" value="">Leave it</button><button class="button danger" value="yes"></button></p></form></dialog>`);
  $("h2", dialog).textContent = question;
  $(".danger", dialog).textContent = action || "Yes";
  passing(dialog);
  $("button", dialog).focus();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes")));
}

function reveal(title, value) {
  const dialog = element(`<dialog aria-labelledby="reveal-title"><form method="dialog"><h2 id="reveal-title"></h2>
    <p class="muted">It is shown this once; it is not kept in readable form.</p><p class="secret"><span class="grow"></span><button class="button tiny" type="button">Copy</button></p>
    <p class="actions"><button class="button primary" value="ok">I have it</button></p></form></dialog>`);
  $("h2", dialog).textContent = title;
  $(".secret span", dialog).textContent = value;
  $(".secret button", dialog).addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(value); toast("Copied"); } catch { toast("The browser does not allow copying here", true); }
  });
  passing(dialog);
  return new Promise((resolve) => dialog.addEventListener("close", resolve));
}

// REST ----------------------------------------------------------------------------------------

async function ask(method, path, body) {
  const init = { method, headers: { accept: "application/json" }, credentials: "same-origin" };
  const proof = document.cookie.match(/(?:^|; )meganeura_csrf=([^;]*)/);
  if (proof) init.headers["x-csrf-token"] = decodeURIComponent(proof[1]);
  if (body !== undefined) {
    init.headers["content-type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  const response = await fetch(path, init);
  const text = await response.text();
  let answer = null;
  try { answer = text ? JSON.parse(text) : null; } catch { answer = { message: text.slice(0, 200) }; }
  if (!response.ok) {
    const told = answer?.errors?.length > 1 ? answer.errors.join("\n") : answer?.message;
    throw new Error(told || `The manager answered ${response.status}.`);
  }
  return answer;
}

function valueOf(field) {
  if (field.type === "checkbox" && !field.hasAttribute("value")) return field.checked;
  if (field.type === "checkbox" || field.type === "radio") {
    if (!field.checked) return undefined;
    return field.dataset.type === "number" ? Number(field.value) : field.value;
  }
  let text = field.dataset.keep !== undefined ? field.value : field.value.trim();
  if (field.dataset.prefix && text && !text.includes("://")) text = field.dataset.prefix + text;
  if (text === "" && field.dataset.empty === undefined) return undefined;
  switch (field.dataset.type) {
    case "number": return text === "" ? null : Number(text);
    case "json": return text === "" ? null : JSON.parse(text);
    case "mega": return text === "" ? null : Math.round(Number(text) * 1e6);
    case "numbers": return text.split(/[\s,]+/).filter(Boolean).map(Number);
    case "rows": return text.split("\n").map((line) => line.trim()).filter(Boolean);
    case "lines": return text.split(/[\n,]+/).map((line) => line.trim()).filter(Boolean);
    case "time": return new Date(text).toISOString();
    case "pairs": return Object.fromEntries(text.split("\n").filter(Boolean).map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }));
    default: return text;
  }
}

// Fields named `a.b` become nested objects; boxes of one name that have values become a list.
export function bodyOf(form) {
  const body = form.dataset.base ? JSON.parse(form.dataset.base) : {};
  for (const field of form.elements) {
    if (!field.name || field.disabled || field.dataset.skip !== undefined || field.closest("[hidden]")) continue;
    const many = field.type === "checkbox" && field.hasAttribute("value");
    if (many && !field.checked) continue;
    let value;
    try { value = valueOf(field); } catch { field.focus(); throw new Error(`${field.dataset.label || field.name}: not readable`); }
    const path = field.name.split(".");
    let place = body;
    for (const part of path.slice(0, -1)) place = place[part] ??= {};
    const last = path.at(-1);
    if (many) { place[last] ??= []; if (value !== undefined) place[last].push(value); }
    else if (value !== undefined) place[last] = field.dataset.list !== undefined ? [value] : value;
  }
  return body;
}

function filled(path, answer) {
  return path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(answer?.[name] ?? ""));
}

async function done(source, answer) {
  const { reveal: field, then, done: message, title } = source.dataset;
  if (field && answer?.[field]) await reveal(title || "Keep this", answer[field]);
  if (then === ".") location.reload();
  else if (then) location.assign(filled(then, answer));
  else if (message) toast(message);
}

async function submit(form) {
  const [method, path] = form.dataset.api.split(" ");
  const error = $(".form-error", form);
  const buttons = $$("button", form);
  if (error) error.textContent = "";
  for (const button of buttons) button.disabled = true;
  try {
    const answer = await ask(method, filled(path, Object.fromEntries(new FormData(form))), bodyOf(form));
    await done(form, answer);
  } catch (problem) {
    if (error) { error.textContent = problem.message; error.scrollIntoView({ block: "nearest" }); } else toast(problem.message, true);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

document.addEventListener("submit", (event) => {
  if (event.target.dataset.api === undefined) return;
  event.preventDefault();
  submit(event.target);
});

document.addEventListener("click", async (event) => {
  const opener = event.target.closest("[data-dialog]");
  if (opener) { $(`#${opener.dataset.dialog}`)?.showModal(); return; }
  const closer = event.target.closest("[data-close]");
  if (closer) { closer.closest("dialog").close(); return; }
  const copier = event.target.closest("[data-copy]");
  if (copier) { await navigator.clipboard?.writeText(copier.dataset.copy); toast("Copied"); return; }
  const button = event.target.closest("button[data-call]");
  if (!button) return;
  if (button.dataset.sure && !(await sure(button.dataset.sure, button.textContent.trim()))) return;
  const [method, path] = button.dataset.call.split(" ");
  button.disabled = true;
  try {
    await done(button, await ask(method, path, button.dataset.body ? JSON.parse(button.dataset.body) : undefined));
  } catch (problem) { toast(problem.message, true); } finally { button.disabled = false; }
});

// Parts that depend on a choice: data-when="field=value value".
function showParts(form) {
  for (const part of $$("[data-when]", form)) {
    const [name, values] = part.dataset.when.split("=");
    const field = form.elements[name];
    const value = field?.type === "checkbox" ? String(field.checked) : field?.value;
    part.hidden = !values.split(" ").includes(value ?? "");
  }
  // What is not shown is neither sent nor required.
  for (const field of $$("[data-when] :is(input, select, textarea)", form)) field.disabled = field.closest("[hidden]") !== null;
}
for (const form of $$("form")) {
  if (!$("[data-when]", form)) continue;
  showParts(form);
  form.addEventListener("change", () => showParts(form));
}

// Staying fresh -------------------------------------------------------------------------------

// Makes `old` look like `fresh` with as few changes as possible, so that focus, scroll and
// transitions survive.
function morph(old, fresh) {
  const named = new Map([...old.children].filter((node) => node.id).map((node) => [node.id, node]));
  let there = old.firstChild;
  for (const node of [...fresh.childNodes]) {
    const mine = node.id ? named.get(node.id) : null;
    if (mine && mine !== there) { old.insertBefore(mine, there); there = mine; }
    if (!there || there.nodeType !== node.nodeType || there.nodeName !== node.nodeName || (there.id || "") !== (node.id || "")) {
      old.insertBefore(node, there);
      continue;
    }
    if (node.nodeType !== Node.ELEMENT_NODE) { if (there.data !== node.data) there.data = node.data; }
    else if (there.outerHTML !== node.outerHTML) { attributes(there, node); morph(there, node); }
    there = there.nextSibling;
  }
  while (there) { const next = there.nextSibling; there.remove(); there = next; }
}

// Moving or replacing an element takes the focus from it: give it back.
function keepFocus(part, change) {
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  change();
  if (!active || document.activeElement === active) return;
  const href = active.getAttribute("href");
  const same = active.isConnected ? active : href && part.querySelector(`a[href="${CSS.escape(href)}"]`);
  same?.focus({ preventScroll: true });
}

function attributes(old, fresh) {
  for (const { name, value } of fresh.attributes) {
    if (old.tagName === "DETAILS" && name === "open") continue;
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (fresh.hasAttribute(name) || name === "style" || (old.tagName === "DETAILS" && name === "open")) continue;
    if (old.tagName === "CANVAS" && (name === "width" || name === "height")) continue;
    old.removeAttribute(name);
  }
}

const initial = $("#data");

// `query` is sent along with every question; listeners hear each answer's data.
export const live = {
  data: initial ? JSON.parse(initial.textContent) : null,
  query: {},
  listeners: [],
  listen(listener) { this.listeners.push(listener); listener(this.data, true); },
  async ask(extra = {}) {
    const url = new URL(location.href);
    for (const [name, value] of Object.entries({ _live: 1, ...this.query, ...extra })) url.searchParams.set(name, value);
    url.hash = "";
    const response = await fetch(url, { headers: { accept: "application/json" }, credentials: "same-origin" });
    if (response.status === 401) { location.reload(); return null; }
    if (!response.ok) throw new Error(String(response.status));
    return response.json();
  },
};

const main = $("#main[data-live]");
const beat = $("#live");
const seen = new Map();

function say(state, text) {
  if (!beat) return;
  beat.hidden = false;
  beat.className = `live only-wide ${state}`;
  if (beat.textContent !== text) beat.textContent = text;
}

async function refresh() {
  const answer = await live.ask();
  if (!answer) return;
  for (const [name, html] of Object.entries(answer.parts)) {
    const part = $(`[data-part="${name}"]`);
    if (!part || seen.get(name) === html || part.contains(document.getSelection()?.focusNode) && !document.getSelection().isCollapsed) continue;
    seen.set(name, html);
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    keepFocus(part, () => morph(part, fresh.content));
  }
  live.data = answer.data;
  for (const listener of live.listeners) listener(answer.data, false);
  document.dispatchEvent(new CustomEvent("refreshed"));
}

if (main) {
  const every = Number(main.dataset.live) * 1000;
  let failures = 0;
  const turn = async () => {
    if (document.hidden) { say("paused", "Paused"); }
    else {
      try { await refresh(); failures = 0; say("", "Live"); }
      catch { failures += 1; say("off", "Reconnecting"); }
    }
    setTimeout(turn, every * Math.min(2 ** failures, 15));
  };
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh().catch(() => {}); });
  say("", "Live");
  // Whitespace differs between the page and its blocks: a first comparison shows nothing new.
  setTimeout(turn, every);
}

// Palette and keys ----------------------------------------------------------------------------

const places = $$("#nav a.item").map((link) => ({ title: link.textContent.trim(), href: link.getAttribute("href"), kind: `g ${link.dataset.key}` }));

function palette() {
  if ($("dialog.palette")) return;
  const dialog = element(`<dialog class="palette" aria-label="Search or go to">
    <input type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list" aria-label="Search or go to" placeholder="Go to a page, find a host, download or model…" autocomplete="off" spellcheck="false">
    <ul id="palette-list" role="listbox" aria-label="Results"></ul>
    <footer><span><kbd>↑</kbd> <kbd>↓</kbd> choose</span><span><kbd>Enter</kbd> open</span><span><kbd>Esc</kbd> close</span></footer></dialog>`);
  passing(dialog);
  const input = $("input", dialog);
  const list = $("ul", dialog);
  let shown = [];
  let at = 0;
  let asked = 0;
  const draw = () => {
    list.replaceChildren(...shown.map((item, index) => {
      const row = document.createElement("li");
      row.id = `palette-${index}`;
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(index === at));
      const title = document.createElement("span");
      title.className = "cut";
      title.textContent = item.title;
      const kind = document.createElement("small");
      kind.textContent = item.kind;
      row.append(title, kind);
      row.addEventListener("click", () => location.assign(item.href));
      return row;
    }));
    input.setAttribute("aria-activedescendant", shown.length ? `palette-${at}` : "");
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };
  const search = async () => {
    const words = input.value.trim().toLowerCase();
    const own = places.filter((place) => place.title.toLowerCase().includes(words));
    shown = own; at = 0; draw();
    if (words.length < 2) return;
    const turn = ++asked;
    const response = await fetch(`/search?q=${encodeURIComponent(words)}`, { credentials: "same-origin" });
    if (turn !== asked || !response.ok) return;
    shown = [...own, ...(await response.json()).found];
    draw();
  };
  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") at = Math.min(at + 1, shown.length - 1);
    else if (event.key === "ArrowUp") at = Math.max(at - 1, 0);
    else if (event.key === "Enter" && shown[at]) { location.assign(shown[at].href); return; }
    else return;
    event.preventDefault();
    draw();
  });
  search();
}

function help() {
  const rows = [["Ctrl K", "Search or go to"], ["/", "Search on this page"], ["t", "Light or dark"], ["?", "These keys"], ["j  k", "Next, previous row"],
    ...places.map((place) => [place.kind, place.title])];
  const dialog = element(`<dialog aria-labelledby="keys-title"><div class="body"><h2 id="keys-title">Keys</h2><dl class="keys"></dl></div></dialog>`);
  for (const [keys, meaning] of rows) {
    const term = document.createElement("dt");
    for (const key of keys.split(/\s+/)) { const cap = document.createElement("kbd"); cap.textContent = key; term.append(cap, " "); }
    const text = document.createElement("dd");
    text.textContent = meaning;
    $("dl", dialog).append(term, text);
  }
  passing(dialog);
}

function step(by) {
  const links = $$("main .table tbody .main-cell a");
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  links[Math.min(Math.max(at + by, 0), links.length - 1)].focus();
}

let pending = "";
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && nav) { event.preventDefault(); palette(); return; }
  if (event.key === "Escape") { showMenu(false); for (const menu of $$("details.menu[open]")) menu.open = false; }
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, dialog")) return;
  if (pending === "g") {
    pending = "";
    const link = $(`#nav a.item[data-key="${CSS.escape(event.key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
    return;
  }
  switch (event.key) {
    case "g": pending = "g"; setTimeout(() => { pending = ""; }, 1200); return;
    case "/": { event.preventDefault(); const field = $('[data-focus="/"]'); if (field) field.focus(); else palette(); return; }
    case "t": toggleTheme(); return;
    case "?": if (nav) help(); return;
    case "j": step(1); return;
    case "k": step(-1); return;
    default:
  }
});
$("#open-palette")?.addEventListener("click", palette);
