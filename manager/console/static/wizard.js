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
  document.querySelector("#command").textContent = ["dfctl job preheat", ...words(body)].join(" \\\n  ");
}

const SCOPES = { single_seed_peer: "", all_seed_peers: "seeds", all_peers: "all" };

function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${String(text).replaceAll("'", "'\\''")}'`;
}

// The options of `dfctl job preheat` that say the same. A password is not put on a command line.
function words({ args, ...body }) {
  const urls = args.urls ?? [args.url || "hf://org/name"];
  const one = (flag, value) => (value ? [`--${flag} ${quoted(value)}`] : []);
  const many = (flag, values) => (values ?? []).flatMap((value) => one(flag, value));
  return [...urls.map(quoted), ...(args.type === "image" ? ["--image"] : []), ...one("platform", args.platform), ...one("revision", args.revision),
    ...many("include", args.include), ...many("exclude", args.exclude), ...one("secret", args.secret), ...one("endpoint", args.endpoint), ...one("region", args.region),
    ...one("scope", SCOPES[args.scope]), ...one("percentage", args.percentage), ...one("count", args.count), ...many("ip", args.ips), ...many("cluster", body.scheduler_cluster_ids),
    ...one("at", body.at), ...one("cron", body.cron), ...(body.cron ? one("time-zone", body.time_zone) : []), ...one("note", body.bio)];
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
