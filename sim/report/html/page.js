// The sections of the page, and what can be chosen in each.

const main = document.querySelector("main");

function section(id, title, ...children) {
  const made = el("section", { id }, el("h2", {}, title), ...children);
  main.append(made);
  document.querySelector("nav").append(el("a", { href: "#" + id }, title));
  return made;
}

const note = (said) => el("p", { class: "note" }, said);
const controls = (...children) => el("div", { class: "controls" }, ...children);
const figure = (caption, host) => el("figure", {}, el("figcaption", {}, caption), host);
const box = () => el("div", { class: "chart" });
const variantChoices = () => sweep.variants.map((variant, nth) => [nth, variant.name]).filter(([nth]) => sweep.cells.some((cell) => cell.variant === nth));
const loadText = (load) => (load == null ? "the scenario’s" : `${si(load)} tx/s`);
const loadChoices = () => sweep.loads.map((load, nth) => [nth, loadText(load)]).filter(([nth]) => sweep.cells.some((cell) => cell.load === nth));
const cellOf = (variant, load) => sweep.cells.find((cell) => cell.variant === variant && cell.load === load);
const cellsOf = (variant) => sweep.cells.filter((cell) => cell.variant === variant).sort((a, b) => a.offered_tps.mean - b.offered_tps.mean);
const judged = (cell) => (cell.sustained == null ? "incomplete: replicates are missing" : cell.sustained ? "sustained" : "not sustained");
// Of one chart for all cells an objective that some do not have is none.
const shared = sweep.cells[0].slo.filter((slo) => sweep.cells.every((cell) => cell.slo.includes(slo)));
const visible = () => sweep.variants.map((variant, nth) => [variant, nth]).filter(([, nth]) => shown.has(nth));
const replicated = sweep.replicates > 1 ? `mean of ${sweep.replicates} replicates; shaded and whiskers: its 95 % confidence interval (Student’s t)` : "one replicate, so there are no confidence intervals";

function what() {
  const list = el("dl");
  const say = (name, ...said) => list.append(el("dt", {}, name), el("dd", {}, ...said));
  const first = sweep.cells[0];
  say("scenario", sweep.scenario + (sweep.settings.length ? " with " : ""), el("code", {}, sweep.settings.join("  ")));
  say("tool", `systole ${sweep.tool_version}, commit `, el("code", {}, sweep.git_commit), sweep.modelled ? ", signatures charged for and not computed" : "");
  sweep.keys.forEach((key, nth) => say(key, [...new Set(sweep.variants.map((variant) => variant.varied[nth][1]))].join(", ")));
  say("loads", sweep.loads.map(loadText).join(", "));
  const seeds = [...new Set(sweep.cells.flatMap((cell) => cell.runs.map((run) => run.seed)))].sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  say("replicates", `${sweep.replicates}, seeds ${seeds.length > 12 ? `${seeds[0]} to ${seeds.at(-1)}` : seeds.join(", ")}`);
  say("hospitals", [...new Set(sweep.variants.map((variant) => variant.hospitals))].filter((count) => count).join(", "));
  say("replicas", [...new Set(sweep.cells.map((cell) => cell.replicas))].join(", "));
  const differ = sweep.cells.some((cell) => cell.slo.length !== shared.length);
  say("objectives", (shared.length ? shared.join(", ") : "none") + (differ ? " in common; some variants have others" : ""));
  const here = sweep.planned - sweep.missing.length;
  const files = first.runs[0].folder ? [el("a", { href: "sweep.json" }, "sweep.json"), ...(sweep.missing.length ? [] : [", ", el("a", { href: "points.csv" }, "points.csv")])] : [el("a", { href: "summary.json" }, "summary.json"), ", ", el("a", { href: "manifest.json" }, "manifest.json")];
  say("points", `${here} of ${sweep.planned}; files: `, ...files, "; digests are ", el("a", { href: "#points" }, "below"));
  section("run", "What was run", list);
  const some = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;
  const lead = `${some(here, "point")}: ${some(sweep.variants.length, "variant")}, ${some(sweep.loads.length, "load")}, ${some(sweep.replicates, "replicate")} each.`;
  document.getElementById("lead").textContent = sweep.planned === 1 ? `One run of ${first.protocol} over ${first.dissemination}.` : lead;
  if (!sweep.missing.length) return;
  const warning = document.getElementById("warning");
  warning.hidden = false;
  const listed = sweep.missing.slice(0, 20).map((missing) => el("li", {}, el("code", {}, missing.id), " ", missing.what));
  const rest = sweep.missing.length > 20 ? [el("li", {}, `and ${sweep.missing.length - 20} more`)] : [];
  warning.append(`${sweep.missing.length} of ${sweep.planned} points are missing; the rest is drawn. The same systole sweep computes them. `, el("details", {}, el("summary", {}, "Which"), el("ul", {}, ...listed, ...rest)));
}

function curves() {
  const state = { x: "goodput_tps", logX: false, logY: false };
  const wide = (values) => Math.max(...values) > 12 * Math.min(...values);
  state.logX = wide(sweep.cells.map((cell) => cell.offered_tps.mean).filter((value) => value > 0));
  const ms = sweep.cells.map((cell) => cell.reply_p99_ms?.mean).filter((value) => value > 0);
  state.logY = ms.length > 0 && wide(ms);
  const labels = { goodput_tps: "goodput (tx/s)", offered_tps: "offered load (tx/s)" };
  const bounds = (estimate, sign) => (estimate?.half_width_95 == null ? null : Math.max(estimate.mean + sign * estimate.half_width_95, 0));
  const line = (y, xs) => ([variant, nth]) => {
    const cells = cellsOf(nth).filter((cell) => cell[y]);
    const side = (of, sign) => cells.map((cell) => bounds(cell[of], sign));
    const said = (at) => `${variant.name} at ${loadText(sweep.loads[cells[at].load])}\ngoodput ${estimated(cells[at].goodput_tps, si)} tx/s\np50 ${estimated(cells[at].reply_p50_ms, latency)}\np99 ${estimated(cells[at].reply_p99_ms, latency)}\n${judged(cells[at])}${cells[at].binding_resource === "none" ? "" : ", " + plain(cells[at].binding_resource)}`;
    return {
      name: variant.name, nth, said, xs: cells.map((cell) => cell[xs].mean), ys: cells.map((cell) => cell[y].mean),
      low: side(y, -1), high: side(y, 1), left: side(xs, -1), right: side(xs, 1), open: cells.map((cell) => cell.sustained === false),
    };
  };
  const draw = (y, title) => (host) => axes(host, {
    name: title,
    x: { label: labels[state.x], log: state.logX, write: si }, y: { label: "latency, submit → reply", log: state.logY, write: latency },
    lines: visible().map(line(y, state.x)),
    levels: y === "reply_p99_ms" ? objectives : [],
  });
  const goodput = (host) => {
    const loads = sweep.cells.map((cell) => cell.offered_tps.mean);
    const ideal = [Math.min(...loads), Math.max(...loads)];
    return axes(host, {
      name: "Goodput against offered load", height: 300,
      x: { label: labels.offered_tps, log: state.logX, write: si }, y: { label: labels.goodput_tps, log: state.logX, write: si },
      lines: [...visible().map(line("goodput_tps", "offered_tps")), { name: "offered", grey: true, width: 1.3, dash: [4, 4], nth: 0, xs: ideal, ys: ideal }],
    });
  };
  const [keys, p50, p99, rate] = [box(), box(), box(), box()];
  const made = [chart("key", keys, key), chart("p50", p50, draw("reply_p50_ms", "Median latency")), chart("p99", p99, draw("reply_p99_ms", "p99 latency")), chart("goodput", rate, goodput)];
  const change = (name) => (value) => {
    state[name] = value;
    made.forEach((one) => one.redraw());
  };
  section("curves", "Throughput and latency", note(`Each line is a variant, each marker a load; ${replicated}. Open markers: not sustained. Drag to zoom, double click to go back; a name below switches its variant off.`),
    controls(choice("against", Object.entries(labels), state.x, change("x")), tick("logarithmic load", state.logX, change("logX")), tick("logarithmic latency", state.logY, change("logY"))),
    keys, el("div", { class: "pair" }, figure("Median, submit → reply", p50), figure("99th percentile, submit → reply", p99)), figure("Goodput against offered load", rate));
}

function saturation() {
  const host = box();
  chart("saturation", host, saturationBars);
  const source = {
    limits: "As systole limit searched it (limits.json): full, what is sustained; light, on to what is not; the whisker is the 95 % confidence interval over replicates.",
    grid: "By the loads of the grid: full, the largest load up to which every replicate met its objectives with 99 % of the load as goodput; light, on to the next load, which did not. A search (systole limit) would narrow it. “Above” means that no load was too much.",
  }[sweep.saturation.source];
  section("saturation", "Saturation", note(source + " Behind it stands the resource that binds."), figure("Saturation point of each variant", host));
}

function world() {
  const state = { variant: sweep.cells.find((cell) => cell.load === sweep.reference)?.variant ?? 0, load: sweep.reference };
  const host = box();
  const made = chart("map", host, (host) => {
    const cell = cellOf(state.variant, state.load);
    if (cell) return worldMap(host, cell);
    host.append(el("p", { class: "empty" }, "This point is missing."));
    return false;
  });
  const change = (name) => (value) => {
    state[name] = Number(value);
    made.redraw();
  };
  section("map", "Where it takes long", note("WHO regions by the 99th percentile of submit → reply, all replicates together; the shades are the same for all variants under a load. Places of hospitals and replicas follow from the scenario and the shipped tables of 5,000 hospitals and 60 metros; replicas of shards are not marked."),
    controls(choice("variant", variantChoices(), state.variant, change("variant")), choice("load", loadChoices(), state.load, change("load"))),
    figure("p99 to the receipt by WHO region", host));
}

function distributions() {
  const state = { load: sweep.reference, definition: "submit_to_reply" };
  const line = (cell) => {
    const curve = cell.curves[state.definition];
    return {
      name: sweep.variants[cell.variant].name, nth: cell.variant, xs: curve.ms, ys: curve.share, sparse: true,
      said: (at) => `${sweep.variants[cell.variant].name}\n${number(curve.share[at] * 100)} % within ${latency(curve.ms[at])}\np50 ${latency(curve.p50_ms)}, p99 ${latency(curve.p99_ms)}`,
    };
  };
  const host = box();
  const made = chart("cdf", host, (host) => {
    const cells = sweep.cells.filter((cell) => cell.load === state.load && shown.has(cell.variant));
    const most = Math.max(...cells.map((cell) => cell.curves[state.definition].count), 10);
    return axes(host, {
      name: "Distribution of latency", height: 380,
      x: { label: "latency (logarithmic)", log: true, write: latency },
      y: { label: "transactions at or below (tail-scaled)", kind: "nines", write: (share) => number(share * 100) + " %", range: [0, Math.min(1 - 1 / most, 0.99999)] },
      lines: cells.map(line), levels: [{ at: 0.5, name: "p50" }, { at: 0.99, name: "p99" }],
    });
  });
  const change = (name, convert) => (value) => {
    state[name] = convert(value);
    made.redraw();
  };
  const keys = box();
  chart("key", keys, key);
  section("cdf", "Distributions", note("Of all replicates together: their histograms are merged, percentiles are not averaged. Every further nine is as far as the one before it."),
    controls(choice("load", loadChoices(), state.load, change("load", Number)), choice("latency", Object.entries(LATENCIES), state.definition, change("definition", String))),
    keys, figure("Share of transactions by latency", host));
}

function time() {
  const state = { variant: sweep.cells.find((cell) => cell.load === sweep.reference)?.variant ?? 0, load: sweep.reference, run: 0 };
  const [rates, waits, seed] = [box(), box(), el("span")];
  const cell = () => cellOf(state.variant, state.load);
  const bandsOf = (cell, end) => {
    const phases = [{ from: 0, to: cell.window[0], name: "warm-up" }, { from: cell.window[1], to: end, name: "drain" }];
    const faults = cell.faults.map((fault, nth) => ({ from: fault.from_s, to: fault.until_s ?? end, name: fault.name, fault: true, row: 1 + (nth % 5) }));
    return [...phases.filter((phase) => phase.from < phase.to), ...faults.filter((fault) => fault.from < end)];
  };
  const draw = (name, columns, y) => (host) => {
    const here = cell();
    const run = here?.runs[Math.min(state.run, here.runs.length - 1)];
    if (!run) {
      host.append(el("p", { class: "empty" }, "This point is missing."));
      return false;
    }
    const { series } = run;
    const step = series.time_s.length > 1 ? series.time_s[1] - series.time_s[0] : 0.5;
    const end = series.time_s.at(-1) + step;
    const middle = series.time_s.map((at) => at + step / 2);
    const lines = columns.map(([column, title, nth, more]) => ({ name: title, nth, xs: middle, ys: series[column], sparse: true, ...more }));
    const drawn = axes(host, { name, height: 280, x: { label: "virtual time (s)", range: [0, end], write: number }, y, lines, bands: bandsOf(here, end) });
    const entries = lines.map((line) => el("li", {}, sample(line.nth, line.dash, line.width), " ", line.name));
    host.append(el("ul", { class: "key" }, ...entries));
    return drawn;
  };
  const made = [
    chart("rates", rates, draw("Rates over time", [["offered_tps", "offered", 4, { width: 4.5, dash: [] }], ["throughput_tps", "throughput", 0], ["rejected_tps", "rejected", 1]], { label: "transactions per second", write: si })),
    chart("waits", waits, draw("Latency over time", [["reply_p99_ms", "p99", 1], ["reply_p50_ms", "p50", 0]], { label: "latency, submit → reply", write: latency })),
  ];
  const choose = () => {
    const runs = cell()?.runs ?? [];
    seed.replaceChildren(choice("seed", runs.map((run, nth) => [nth, String(run.seed)]), Math.min(state.run, Math.max(0, runs.length - 1)), change("run")));
    made.forEach((one) => one.redraw());
  };
  const change = (name) => (value) => {
    state[name] = Number(value);
    choose();
  };
  section("time", "Over time", note("One run: warm-up and drain are shaded and do not count. What fails is marked from when it begins until it ends."),
    controls(choice("variant", variantChoices(), state.variant, change("variant")), choice("load", loadChoices(), state.load, change("load")), seed),
    figure("Load, throughput and what was rejected", rates), figure("Latency by the interval in which receipts came", waits));
  choose();
}

function bottlenecks() {
  const state = { load: sweep.reference, which: 1 };
  const host = box();
  const made = chart("bottlenecks", host, (host) => bottleneckStack(host, state.load, state.which));
  const change = (name) => (value) => {
    state[name] = Number(value);
    made.redraw();
  };
  section("bottlenecks", "Bottlenecks", note("The share of its capacity that each class of resource used in the measured window, mean of replicates. What limits a variant is in bold; classes that are nowhere used are left out."),
    controls(choice("load", loadChoices(), state.load, change("load")), choice("nodes", [[1, "the busiest"], [0, "mean of all"]], 1, change("which"))),
    figure("How busy each class of resource is", host));
}

what();
// Of one cell there is nothing to compare.
if (sweep.cells.length > 1) {
  curves();
  saturation();
}
world();
distributions();
time();
bottlenecks();
section("cells", "Table of cells", note("A heading sorts." + (sweep.replicates > 1 ? ` Means of ${sweep.replicates} replicates ± half their 95 % confidence interval.` : "")), cellsTable());
section("points", "Table of points", note("Each links to its summary and its manifest."), pointsTable());

let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return;
  width = innerWidth;
  redrawAll();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
// Paper is white.
addEventListener("beforeprint", () => {
  document.documentElement.dataset.theme = "light";
  redrawAll();
});
addEventListener("afterprint", () => {
  delete document.documentElement.dataset.theme;
  redrawAll();
});
redrawAll();
// uPlot draws after this script is done.
setTimeout(report, 0);
