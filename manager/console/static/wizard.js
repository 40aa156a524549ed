// The preheat wizard: one step at a time, and what will happen in plain words.

import { bodyOf } from "./app.js";

const form = document.querySelector("#wizard");
const steps = [...form.querySelectorAll("[data-step]")];
const marks = [...document.querySelectorAll("#steps li")];
const [back, next, order] = [form.querySelector("#back"), form.querySelector("#next"), form.querySelector("[type=submit]")];
let at = 0;

document.querySelector("#zone").value = Intl.DateTimeFormat().resolvedOptions().timeZone;

function show(to, focus = true) {
  at = to;
  steps.forEach((step, i) => { step.style.display = i === at ? "" : "none"; });
  marks.forEach((mark, i) => {
    mark.classList.toggle("done", i < at);
    if (i === at) mark.setAttribute("aria-current", "step"); else mark.removeAttribute("aria-current");
  });
  back.hidden = at === 0;
  next.hidden = at === steps.length - 1;
  order.hidden = !next.hidden;
  if (focus) steps[at].querySelector("input:checked, input, select")?.focus();
}

function fine() {
  return [...steps[at].querySelectorAll("input, textarea, select")].every((field) => field.closest("[hidden]") || field.reportValidity());
}

function some(args) {
  if (args.ips) return `${args.ips.length} named hosts`;
  if (args.count) return `${args.count} hosts`;
  if (args.percentage) return `${args.percentage} % of the hosts`;
  return { single_seed_peer: "one seed", all_seed_peers: "all seeds", all_peers: "all hosts" }[args.scope];
}

function summarise() {
  let body;
  try { body = bodyOf(form); } catch { return; }
  const { args } = body;
  const what = args.url || (args.urls?.length > 1 ? `${args.urls.length} files` : args.urls?.[0]) || "it";
  const when = body.cron ? `by the cron line ${body.cron}` : body.at ? `at ${new Date(body.at).toLocaleString()}` : "now";
  document.querySelector("#summary").textContent = `Bring ${what} to ${some(args)}, ${when}.`;
  const flags = [args.revision && `--revision ${args.revision}`, args.scope !== "single_seed_peer" && `--scope ${args.scope}`,
    args.percentage && `--percentage ${args.percentage}`, args.count && `--count ${args.count}`, body.cron && `--cron '${body.cron}'`].filter(Boolean);
  document.querySelector("#command").textContent = ["dfctl job preheat", args.url || args.urls?.[0] || "hf://org/name", ...flags].join(" \\\n  ");
}

next.addEventListener("click", () => { if (fine()) show(at + 1); });
back.addEventListener("click", () => show(at - 1));
form.addEventListener("input", summarise);
form.addEventListener("change", summarise);
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && event.target.matches("input") && at < steps.length - 1) { event.preventDefault(); next.click(); }
});
show(0, false);
summarise();
