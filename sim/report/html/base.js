"use strict";
// What every chart of the page shares: the data, how numbers are written, how variants are told apart, and the check that
// each chart drew. Errors go to the console, and are counted where a
// test can read them.

const errors = [];
addEventListener("error", (event) => errors.push(String(event.message)));

const { sweep, objectives, map } = JSON.parse(document.getElementById("data").textContent);
const LATENCIES = { submit_to_commit: "submit → commit", submit_to_gateway: "submit → own gateway", submit_to_reply: "submit → reply", submit_to_visible: "submit → visible" };

/** Okabe and Ito's colours, as in the figures; the last is the page's ink. */
const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", null];
const DASHES = [[], [9, 4], [2.5, 3], [10, 3, 2.5, 3], [16, 4], [8, 3, 2, 3, 2, 3]];
/** Corners in hundredths of a marker's radius; a circle has none. */
const MARKERS = [
  [], [[-88, -88], [88, -88], [88, 88], [-88, 88]], [[0, -120], [110, 80], [-110, 80]], [[0, -130], [110, 0], [0, 130], [-110, 0]],
  [[0, 120], [110, -80], [-110, -80]], [[0, -115], [109, -36], [68, 93], [-68, 93], [-109, -36]],
];

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colour = (nth) => COLOURS[nth % COLOURS.length] ?? css("--ink");
const dash = (nth) => DASHES[nth % DASHES.length];
const marker = (nth) => MARKERS[nth % MARKERS.length];

/** A number with three significant digits. */
function number(value) {
  if (value === 0) return "0";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)) + 1e-9));
  const text = value.toFixed(Math.min(digits, 8));
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** A count with an SI prefix. */
function si(value) {
  if (value == null) return "";
  for (const [unit, prefix] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= 0.9995 * unit) return number(value / unit) + prefix;
  }
  return number(value);
}

/** Milliseconds with their unit. */
function latency(ms) {
  if (ms == null) return "none";
  if (ms >= 999.5) return number(ms / 1e3) + " s";
  return ms >= 0.9995 || ms === 0 ? number(ms) + " ms" : number(ms * 1e3) + " µs";
}

/** An estimate with its interval. */
function estimated(estimate, write) {
  if (estimate == null) return "none";
  const half = estimate.half_width_95;
  return write(estimate.mean) + (half == null ? "" : " ± " + write(half));
}

const plain = (name) => name.replaceAll("_", " ");

/** An element; properties that are functions are listeners. */
function el(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value != null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A labelled choice; `choices` are pairs of value and text. */
function choice(label, choices, first, changed) {
  const options = choices.map(([value, text]) => el("option", { value }, text));
  const select = el("select", { change: () => changed(select.value) }, ...options);
  select.value = String(first);
  return el("label", {}, label, select);
}

function tick(label, first, changed) {
  const box = el("input", { type: "checkbox", change: () => changed(box.checked) });
  box.checked = first;
  return el("label", {}, box, label);
}

/** Variants that are shown in charts of lines: beyond so many they are not told apart. */
const shown = new Set(sweep.variants.map((_, nth) => nth).slice(0, 14));

/** Every chart of the page: how to draw it, and whether it drew. */
const charts = [];

/** Has `draw` fill `host`, now, and again when the theme, the width or a choice changes. `draw` says whether it has
 *  data, and nothing where it is no chart. */
function chart(name, host, draw) {
  const made = { name, host, redraw: () => { host.replaceChildren(); made.expected = draw(host); } };
  charts.push(made);
  return made;
}

const redrawAll = () => charts.forEach((made) => made.redraw());

/** Whether more than axes was drawn: coloured pixels of a canvas, or marks of a drawing. */
function drew({ host }) {
  const canvas = host.querySelector("canvas");
  if (!canvas) return host.querySelectorAll("[data-mark]").length > 0;
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let coloured = 0;
  for (let at = 0; at < data.length; at += 4) {
    const [r, g, b, a] = [data[at], data[at + 1], data[at + 2], data[at + 3]];
    if (a > 60 && Math.max(r, g, b) - Math.min(r, g, b) > 40) coloured += 1;
  }
  return coloured >= 20;
}

/** Writes down what drew, for whoever opens the page without eyes. */
function report() {
  const all = charts.filter((made) => made.expected !== undefined);
  const due = all.filter((made) => made.expected);
  const blank = due.filter((made) => !drew(made)).map((made) => made.name);
  Object.assign(document.documentElement.dataset, {
    charts: all.length, drawn: due.length - blank.length, empty: all.length - due.length,
    blank: blank.join(", "), errors: errors.length, firstError: errors[0] ?? "",
  });
}
