// Drawings without axes of uPlot's: bars, stacks and the map.

const text = (x, y, said, more = {}) => svg("text", { x, y, "dominant-baseline": "central", ...more }, said);
const drawing = (width, height, label, ...children) => svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label }, ...children);

/** Round ticks from zero to at least `most`. */
function ticks(most) {
  const raw = most / 5;
  const decade = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * decade).find((step) => step >= raw * (1 - 1e-9));
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, nth) => nth * step);
}

function bracketed(bar) {
  const { lower_tps: lower, upper_tps: upper } = bar;
  const load = lower == null ? (upper == null ? "not known" : `below ${si(upper)} tx/s`) : upper == null ? `above ${si(lower)} tx/s` : `${si(lower)} to ${si(upper)} tx/s`;
  return load + (bar.binding_resource === "none" ? "" : `, ${plain(bar.binding_resource)}`);
}

/** A bar for each variant, to what it sustains; lighter, on to what it does not. */
function saturationBars(host) {
  const { bars } = sweep.saturation;
  const [width, row, top, left, right] = [960, 30, 12, 210, 260];
  const height = top + bars.length * row + 44;
  const most = Math.max(...bars.flatMap((bar) => [bar.lower_tps ?? 0, bar.upper_tps ?? 0, (bar.estimate?.mean ?? 0) + (bar.estimate?.half_width_95 ?? 0)]));
  if (!(most > 0)) {
    host.append(el("p", { class: "empty" }, "No load is known to be sustained or not."));
    return false;
  }
  const marks = ticks(most);
  const x = (tps) => left + (tps / marks.at(-1)) * (width - left - right);
  const parts = marks.flatMap((at) => [
    svg("line", { x1: x(at), x2: x(at), y1: top, y2: height - 42, class: "rule" }),
    text(x(at), height - 30, si(at), { "text-anchor": "middle", class: "soft" }),
  ]);
  parts.push(text((left + width - right) / 2, height - 10, "offered load (tx/s)", { "text-anchor": "middle" }));
  bars.forEach((bar, nth) => {
    const y = top + (nth + 0.5) * row;
    const [lower, upper] = [bar.lower_tps ?? 0, bar.upper_tps ?? bar.lower_tps ?? 0];
    const fill = colour(bar.variant ?? nth);
    const half = bar.estimate?.half_width_95;
    const end = Math.max(upper, half == null ? 0 : bar.estimate.mean + half);
    parts.push(
      svg("rect", { x: x(lower), y: y - 8, width: x(upper) - x(lower), height: 16, fill, opacity: 0.35, "data-mark": "" }),
      svg("rect", { x: left, y: y - 8, width: x(lower) - left, height: 16, fill, "data-mark": "" }),
      text(left - 8, y, bar.name, { "text-anchor": "end" }),
      text(x(end) + 10, y, bracketed(bar)),
    );
    if (half != null) {
      const [from, to] = [x(Math.max(0, bar.estimate.mean - half)), x(bar.estimate.mean + half)];
      parts.push(svg("path", { d: `M${from} ${y}H${to}M${from} ${y - 5}v10M${to} ${y - 5}v10`, class: "axis", fill: "none" }));
    }
  });
  parts.push(svg("line", { x1: left, x2: left, y1: top, y2: height - 42, class: "axis" }));
  host.append(drawing(width, height, "Saturation point of each variant", ...parts));
  return true;
}

/** For each variant a stack of bars: its classes of resource. */
function bottleneckStack(host, load, which) {
  const cells = sweep.cells.filter((cell) => cell.load === load && shown.has(cell.variant));
  const used = (cell) => Object.entries(cell.utilisation).filter(([, shares]) => shares[1] >= 0.5);
  const names = [...new Set(cells.flatMap((cell) => used(cell).map(([name]) => name)))].sort();
  if (!names.length) {
    host.append(el("p", { class: "empty" }, "Nothing was busy here."));
    return false;
  }
  const [width, row, gap, left, right] = [960, 17, 28, 190, 70];
  const parts = [];
  let y = 8;
  const marks = ticks(Math.max(...cells.flatMap((cell) => used(cell).map(([, shares]) => shares[1]))));
  const x = (percent) => left + (percent / marks.at(-1)) * (width - left - right);
  for (const cell of cells) {
    y += gap / 2;
    parts.push(text(0, y, sweep.variants[cell.variant].name, { class: "strong" }));
    y += gap / 2 + 4;
    for (const [name, shares] of used(cell)) {
      const share = shares[which];
      const strong = name === cell.binding_resource ? { class: "strong" } : {};
      parts.push(
        svg("rect", { x: left, y: y - 6, width: Math.max(0.5, x(share) - left), height: 12, fill: colour(names.indexOf(name)), "data-mark": "" }),
        text(left - 8, y, plain(name), { "text-anchor": "end", ...strong }),
        text(x(share) + 6, y, number(share) + " %" + (strong.class ? ", binds" : ""), strong),
      );
      y += row;
    }
  }
  const rules = marks.flatMap((at) => [
    svg("line", { x1: x(at), x2: x(at), y1: 8, y2: y, class: at ? "rule" : "axis" }),
    text(x(at), y + 12, number(at) + " %", { "text-anchor": "middle", class: "soft" }),
  ]);
  host.append(drawing(width, y + 24, "How busy each class of resource is", ...rules, ...parts));
  return true;
}

/** The bounds of the map's shades, ms: as far from each other in ratio. */
function bounds(latencies) {
  if (!latencies.length) return [];
  const min = Math.min(...latencies);
  const step = (Math.max(Math.max(...latencies), min * 1.2) / min) ** (1 / map.shades.length);
  return map.shades.slice(1).map((_, nth) => Number((min * step ** (nth + 1)).toPrecision(2)));
}

/** Hospitals of a variant: taken evenly from those of its regions, as the scenario takes them. */
function hospitalsOf(variant) {
  const named = variant.regions.map((region) => map.regions.indexOf(region));
  const all = map.hospitals.filter(([region]) => !named.length || named.includes(region));
  const wanted = Math.min(variant.hospitals, all.length);
  return Array.from({ length: wanted }, (_, nth) => all[Math.floor((nth * all.length) / wanted)]);
}

function worldMap(host, cell) {
  const here = sweep.cells.filter((other) => other.load === cell.load);
  const limits = bounds(here.flatMap((other) => other.regions.map((region) => region.p99_ms)));
  const variant = sweep.variants[cell.variant];
  const known = new Map(cell.regions.map((region) => [region.name, region]));
  const shade = (region) => map.shades[limits.filter((limit) => region.p99_ms >= limit).length];
  const land = map.land.map(([name, d]) => {
    const region = known.get(name);
    const said = region ? `${name}: p99 ${latency(region.p99_ms)}, p50 ${latency(region.p50_ms)}, ${region.count} receipts` : `${name}: nothing measured`;
    const fill = region ? shade(region) : css("--none");
    return svg("path", { d, fill, stroke: css("--coast"), "stroke-width": 0.6, ...(region ? { "data-mark": "" } : {}) }, svg("title", {}, said));
  });
  const dots = hospitalsOf(variant).map(([, x, y]) => svg("circle", { cx: x / 10, cy: y / 10, r: 1.1, fill: "#D55E00", opacity: 0.75 }));
  const replicas = variant.metros.map((nth) => {
    const [name, x, y] = map.metros[nth];
    return svg("path", { d: `M${x} ${y - 5.5}l5 5.5l-5 5.5l-5 -5.5Z`, fill: "#fff", stroke: "#000", "stroke-width": 1.4 }, svg("title", {}, `replicas in ${name}`));
  });
  const legend = map.shades.slice(0, limits.length + 1).flatMap((fill, nth) => [
    svg("rect", { x: 4 + nth * 82, y: map.height + 10, width: 80, height: 12, fill }),
    ...(nth < limits.length ? [text(4 + (nth + 1) * 82, map.height + 31, latency(limits[nth]), { "text-anchor": "middle", class: "soft" })] : []),
  ]);
  const keyed = 4 + (limits.length + 1) * 82 + 16;
  legend.push(
    svg("circle", { cx: keyed, cy: map.height + 16, r: 2.4, fill: "#D55E00" }), text(keyed + 9, map.height + 16, "hospital"),
    svg("path", { d: `M${keyed + 82} ${map.height + 10.5}l5 5.5l-5 5.5l-5 -5.5Z`, fill: "#fff", stroke: "#000", "stroke-width": 1.4 }),
    text(keyed + 92, map.height + 16, "replicas"),
  );
  const graticule = svg("path", { d: map.graticule, fill: "none", class: "rule" });
  const label = "p99 to the receipt by WHO region: " + cell.regions.map((region) => `${region.name} ${latency(region.p99_ms)}`).join(", ");
  host.append(drawing(map.width, map.height + 44, label, graticule, ...land, ...dots, ...replicas, ...legend));
  return cell.regions.length > 0;
}
