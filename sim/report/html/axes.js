// Charts with two axes: uPlot draws axes, grid, cursor and zoom; lines, markers and confidence areas are drawn here, since
// each line has abscissas of its own.

const TRANSFORMS = {
  linear: [(v) => v, (v) => v],
  // Every further nine is as far as the one before it.
  nines: [(v) => -Math.log10(1 - Math.min(v, 1 - 1e-9)), (v) => 1 - 10 ** -v],
};
const NINES = [[0, "0 %"], [0.5, "50 %"], [0.75, "75 %"], [0.9, "90 %"], [0.99, "99 %"], [0.999, "99.9 %"], [0.9999, "99.99 %"], [0.99999, "99.999 %"]];

/** The range of an axis. */
function range(axis, values) {
  const known = values.filter((value) => value != null && Number.isFinite(value) && (!axis.log || value > 0));
  if (axis.range) return axis.range;
  if (!known.length) return axis.log ? [1, 10] : [0, 1];
  const [min, max] = known.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
  if (!axis.log) return [Math.min(0, min), max > 0 ? max * 1.05 : 1];
  const middle = Math.sqrt(min * max);
  return max / min < 2 ? [middle / 1.6, middle * 1.6] : [min / 1.12, max * 1.12];
}

/** Every digit of every decade within a range. */
function decades(min, max) {
  const found = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.log10(max); power += 1) {
    for (let digit = 1; digit < 10; digit += 1) found.push(Number((digit * 10 ** power).toPrecision(3)));
  }
  return found.filter((at) => at >= min && at <= max);
}

function axisOptions(axis, side) {
  const log = axis.log ? [1, 2, 5] : null;
  const nines = axis.kind === "nines" ? NINES.map(([share]) => TRANSFORMS.nines[0](share)) : null;
  // Of a logarithmic axis 1, 2 and 5 of a decade are named, over many decades 1 alone.
  const named = (u, splits) => {
    const wide = Math.log10(splits.at(-1) / splits[0]);
    const digits = wide < 0.9 ? [1, 2, 3, 4, 5, 6, 7, 8] : wide < 2.2 ? log : [1];
    return splits.map((at) => (at != null && digits.includes(Math.round(at / 10 ** Math.floor(Math.log10(at) + 1e-9))) ? at : null));
  };
  return {
    label: axis.label, labelSize: 24, labelFont: "13px system-ui, sans-serif", font: "12px system-ui, sans-serif", labelGap: 2,
    stroke: css("--ink"), grid: { stroke: css("--grid"), width: 1 }, ticks: { stroke: css("--grid"), width: 1 }, side,
    size: side === 3 ? 66 : 36,
    ...(log ? { filter: named } : {}),
    ...(log ? { splits: (u, _, min, max) => decades(min, max) } : {}),
    ...(nines ? { splits: (u, _, min, max) => nines.filter((at) => at >= min && at <= max + 1e-9) } : {}),
    values: (u, splits) => splits.map((at) => (at == null ? "" : nines ? NINES[nines.indexOf(at)][1] : axis.write(at))),
  };
}

/** Draws `lines` into `host`: {name, nth, xs, ys, low, high, left, right, open, said, plainly}; `levels` are {at, name}, `bands`
 *  {from, to, name, fault}. Returns whether there is anything to draw. */
function axes(host, { x, y, lines, levels = [], bands = [], height = 340, name }) {
  if (!lines.some((line) => line.ys.some((value) => value != null))) {
    host.append(el("p", { class: "empty" }, "Nothing completed here, so there is nothing to draw."));
    return false;
  }
  const to = (TRANSFORMS[y.kind] ?? TRANSFORMS.linear)[0];
  const xRange = range(x, lines.flatMap((line) => line.xs));
  // An interval of two replicates can be many times as wide as what lies around it: it then leaves the axes.
  const most = 3 * Math.max(...lines.flatMap((line) => line.ys));
  const reached = lines.flatMap((line) => [...line.ys, ...(line.high ?? []).map((value) => (value == null ? null : Math.min(value, most)))]);
  const yRange = range(y, reached).map(to);
  const within = levels.filter((level) => to(level.at) <= yRange[1]);
  const scene = { x, y, to, lines, levels: within, bands, edge: [xRange[0], yRange[0]] };
  const full = (u) => u.batch(() => {
    u.setScale("x", { min: xRange[0], max: xRange[1] });
    u.setScale("y", { min: yRange[0], max: yRange[1] });
  });
  const options = {
    width: Math.max(280, host.clientWidth), height,
    legend: { show: false },
    cursor: { drag: { x: true, y: true, uni: 30, setScale: true }, points: { show: false }, bind: { dblclick: (u) => () => full(u) } },
    scales: { x: { time: false, distr: x.log ? 3 : 1, range: xRange }, y: { distr: y.log ? 3 : 1, range: yRange, auto: false } },
    axes: [axisOptions(x, 2), axisOptions(y, 3)],
    series: [{}, { show: true, paths: () => null, points: { show: false } }],
    hooks: { drawAxes: [(u) => below(u, scene)], draw: [(u) => above(u, scene)], setCursor: [(u) => tip(u, scene)] },
  };
  const plot = new uPlot(options, [xRange, yRange], host);
  full(plot);
  plot.root.querySelector("canvas").setAttribute("aria-label", name);
  plot.root.querySelector("canvas").setAttribute("role", "img");
  return true;
}

/** Draws within the axes alone, in pixels of the canvas. */
function clipped(u, draw) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.textAlign = "left";
  ctx.textBaseline = "alphabetic";
  draw(ctx, bbox, devicePixelRatio);
  ctx.restore();
}

/** Phases and faults, beneath everything. */
function below(u, { bands }) {
  clipped(u, (ctx, bbox, ratio) => {
    for (const band of bands) {
      const from = u.valToPos(band.from, "x", true);
      const to = Math.max(u.valToPos(band.to, "x", true), from + 2 * ratio);
      ctx.globalAlpha = band.fault ? 0.18 : 1;
      ctx.fillStyle = css(band.fault ? "--fault" : "--band");
      ctx.fillRect(from, bbox.top, to - from, bbox.height);
      ctx.globalAlpha = 1;
      if (band.fault) {
        ctx.strokeStyle = css("--fault");
        ctx.setLineDash([4 * ratio, 3 * ratio]);
        ctx.beginPath();
        ctx.moveTo(from, bbox.top);
        ctx.lineTo(from, bbox.top + bbox.height);
        ctx.stroke();
      }
      ctx.fillStyle = css(band.fault ? "--fault" : "--soft");
      ctx.font = `${11 * ratio}px system-ui, sans-serif`;
      ctx.fillText(band.name, from + 4 * ratio, bbox.top + (12 + 13 * (band.row ?? 0)) * ratio);
    }
  });
}

/** Places of a line's points on the canvas. Of a logarithmic axis what lies below it, zero too, is drawn at its edge, as in
 *  the figures; ends of intervals lie beyond it, by `beyond`. The edge is that of all the data: it does not follow a zoom. */
function placed(u, { x, y, to, edge }, line, ys = line.ys, beyond = 1) {
  const across = (at) => u.valToPos(x.log ? Math.max(at, edge[0]) : at, "x", true);
  const height = (value) => u.valToPos(y.log ? Math.max(to(value), edge[1] / beyond) : to(value), "y", true);
  return line.xs.map((at, nth) => (at == null || ys[nth] == null ? null : [across(at), height(ys[nth])]));
}

function above(u, scene) {
  clipped(u, (ctx, bbox, ratio) => {
    for (const level of scene.levels) {
      const at = u.valToPos(scene.to(level.at), "y", true);
      ctx.strokeStyle = ctx.fillStyle = css("--soft");
      ctx.setLineDash([2 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, at);
      ctx.lineTo(bbox.left + bbox.width, at);
      ctx.stroke();
      ctx.font = `${11 * ratio}px system-ui, sans-serif`;
      ctx.fillText(level.name, bbox.left + 6 * ratio, at - 4 * ratio);
    }
    scene.lines.forEach((line) => uncertainty(u, ctx, ratio, scene, line));
    scene.lines.forEach((line) => drawLine(u, ctx, ratio, scene, line));
  });
}

/** The area that a line's mean may be in, and whiskers. */
function uncertainty(u, ctx, ratio, scene, line) {
  if (!line.low) return;
  const [low, high] = [placed(u, scene, line, line.low, 10), placed(u, scene, line, line.high, 10)];
  const pairs = low.map((at, nth) => [at, high[nth]]).filter(([at, to]) => at && to);
  ctx.fillStyle = ctx.strokeStyle = line.grey ? css("--soft") : colour(line.nth);
  if (pairs.length > 1) {
    ctx.globalAlpha = 0.17;
    ctx.beginPath();
    [...pairs.map(([, to]) => to), ...pairs.map(([from]) => from).reverse()].forEach(([x, y], nth) => (nth ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
    ctx.fill();
  }
  ctx.globalAlpha = 0.8;
  ctx.setLineDash([]);
  ctx.lineWidth = 1.1 * ratio;
  const whisker = ([ax, ay], [bx, by]) => {
    const [dx, dy] = ax === bx ? [3 * ratio, 0] : [0, 3 * ratio];
    ctx.beginPath();
    for (const [px, py, qx, qy] of [[ax, ay, bx, by], [ax - dx, ay - dy, ax + dx, ay + dy], [bx - dx, by - dy, bx + dx, by + dy]]) {
      ctx.moveTo(px, py);
      ctx.lineTo(qx, qy);
    }
    ctx.stroke();
  };
  pairs.forEach(([from, to]) => whisker(from, to));
  placed(u, scene, line).forEach((at, nth) => {
    if (!at || line.left?.[nth] == null) return;
    const ends = [line.left[nth], line.right[nth]].map((end) => u.valToPos(scene.x.log ? Math.max(end, scene.edge[0] / 10) : end, "x", true));
    whisker([ends[0], at[1]], [ends[1], at[1]]);
  });
  ctx.globalAlpha = 1;
}

function drawLine(u, ctx, ratio, scene, line) {
  const points = placed(u, scene, line);
  ctx.strokeStyle = line.grey ? css("--soft") : colour(line.nth);
  ctx.lineWidth = (line.width ?? 2) * ratio;
  ctx.lineJoin = "round";
  ctx.setLineDash((line.dash ?? dash(line.nth)).map((length) => length * ratio));
  ctx.beginPath();
  points.forEach((at, nth) => at && (nth && points[nth - 1] ? ctx.lineTo(...at) : ctx.moveTo(...at)));
  ctx.stroke();
  if (line.grey) return;
  ctx.setLineDash([]);
  ctx.lineWidth = 1.6 * ratio;
  let next = -Infinity;
  points.forEach((at, nth) => {
    if (!at || (line.sparse && at[0] < next)) return;
    // Markers of neighbours stand apart where points are many.
    next = (next === -Infinity && points.length > 8 ? at[0] - (line.nth % 7) * 15 * ratio : at[0]) + 110 * ratio;
    if (line.marked && !line.marked[nth]) return;
    ctx.fillStyle = line.open?.[nth] ? css("--paper") : ctx.strokeStyle;
    ctx.beginPath();
    const corners = marker(line.nth);
    if (!corners.length) ctx.arc(...at, 4 * ratio, 0, 7);
    corners.forEach(([x, y], corner) => ctx[corner ? "lineTo" : "moveTo"](at[0] + x * 0.042 * ratio, at[1] + y * 0.042 * ratio));
    ctx.closePath();
    ctx.fill();
    ctx.stroke();
  });
}

/** What the nearest point says. */
function tip(u, scene) {
  u.over.querySelector(".tip")?.remove();
  const { left, top } = u.cursor;
  if (left == null || left < 0) return;
  let best = [28, null];
  for (const line of scene.lines) {
    placed(u, scene, line).forEach((at, nth) => {
      if (!at) return;
      const far = Math.hypot((at[0] - u.bbox.left) / devicePixelRatio - left, (at[1] - u.bbox.top) / devicePixelRatio - top);
      if (far < best[0]) best = [far, line.said ? line.said(nth) : `${line.name}\n${scene.x.write(line.xs[nth])}: ${scene.y.write(line.ys[nth])}`];
    });
  }
  if (!best[1]) return;
  const box = el("div", { class: "tip" }, best[1]);
  u.over.append(box);
  box.style.left = Math.min(left + 12, u.over.clientWidth - box.offsetWidth) + "px";
  box.style.top = Math.min(top + 12, u.over.clientHeight - box.offsetHeight) + "px";
}

/** A piece of the `nth` line. */
function sample(nth, dashes = dash(nth), width = 2) {
  const stroke = colour(nth);
  const corners = marker(nth).map(([x, y]) => `${20 + x * 0.042},${7 + y * 0.042}`).join(" ");
  const mark = corners ? svg("polygon", { points: corners, fill: stroke }) : svg("circle", { cx: 20, cy: 7, r: 4, fill: stroke });
  const line = svg("line", { x1: 0, x2: 40, y1: 7, y2: 7, stroke, "stroke-width": width, "stroke-dasharray": dashes.join(" ") });
  return svg("svg", { width: 40, height: 14, viewBox: "0 0 40 14", "aria-hidden": true }, line, mark);
}

/** The legend of variants; each can be left out of all charts. */
function key(host) {
  const entry = (variant, nth) => {
    const toggle = () => {
      if (!shown.delete(nth)) shown.add(nth);
      redrawAll();
    };
    return el("li", {}, el("button", { type: "button", "aria-pressed": shown.has(nth), click: toggle }, sample(nth), variant.name));
  };
  if (sweep.variants.length > 1) host.append(el("ul", { class: "key" }, ...sweep.variants.map(entry)));
}
