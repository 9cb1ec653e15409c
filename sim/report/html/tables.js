// Tables whose columns sort: a click on a heading, or Enter on it.

/** A table of `rows` (arrays of cells) under `columns`: {name, text, title}. A cell is what is shown, or {shown, by} with what
 *  it is sorted by; its children may be elements. */
function table(caption, columns, rows) {
  const body = el("tbody");
  const value = (cell) => (cell != null && typeof cell === "object" && "by" in cell ? cell.by : cell);
  const shownCell = (cell) => (cell != null && typeof cell === "object" && "shown" in cell ? cell.shown : cell ?? "");
  const fill = (sorted) => body.replaceChildren(...sorted.map((row) => el("tr", {}, ...row.map((cell, nth) => el("td", columns[nth].text ? { class: "text" } : {}, shownCell(cell))))));
  const headings = columns.map((column, nth) => {
    const heading = el("th", { scope: "col", class: column.text ? "text" : null, title: column.title });
    const sort = () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const order = (a, b) => {
        const [x, y] = [value(a[nth]), value(b[nth])];
        // What is not known comes last, whichever way.
        if (x == null || y == null) return (x == null) - (y == null);
        const less = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true });
        return down ? -less : less;
      };
      fill([...rows].sort(order));
    };
    heading.append(el("button", { type: "button", click: sort }, column.name));
    return heading;
  });
  fill(rows);
  return el("div", { class: "table", tabindex: 0, role: "region", "aria-label": caption }, el("table", {}, el("thead", {}, el("tr", {}, ...headings)), body));
}

const counted = (value) => ({ shown: value == null ? "" : value >= 100 ? Math.round(value).toLocaleString("en") : number(value), by: value });
const within = (estimate, write) => ({ shown: estimated(estimate, write), by: estimate?.mean });
const digits = (value) => (value >= 100 ? Math.round(value).toLocaleString("en") : number(value));

function cellsTable() {
  const varied = sweep.keys.map((key) => ({ name: key, text: true }));
  const columns = [
    ...(varied.length ? varied : [{ name: "protocol", text: true }]),
    { name: "load, tx/s" }, { name: "offered, tx/s" }, { name: "goodput, tx/s" }, { name: "p50, ms", title: "submit → reply, mean of replicates" },
    { name: "p99, ms", title: "submit → reply, mean of replicates" }, { name: "binds", text: true }, { name: "SLO met" },
    { name: "sustained", text: true, title: "every replicate met its SLO and has 99 % of its load as goodput; incomplete: some are missing, and none failed" },
  ];
  const row = (cell) => [
    ...(varied.length ? sweep.variants[cell.variant].varied.map(([, value]) => value) : [cell.protocol]),
    counted(sweep.loads[cell.load]), within(cell.offered_tps, digits), within(cell.goodput_tps, digits),
    within(cell.reply_p50_ms, digits), within(cell.reply_p99_ms, digits), plain(cell.binding_resource),
    { shown: `${cell.slo_met} of ${cell.replicates}`, by: cell.slo_met / cell.replicates }, cell.sustained == null ? "incomplete" : cell.sustained ? "yes" : "no",
  ];
  return table("Cells", columns, sweep.cells.map(row));
}

function pointsTable() {
  const columns = [
    { name: "point", text: true }, { name: "variant", text: true }, { name: "load, tx/s" }, { name: "seed" }, { name: "goodput, tx/s" },
    { name: "p50, ms" }, { name: "p99, ms" }, { name: "messages/tx" }, { name: "bytes/tx" }, { name: "binds", text: true },
    { name: "SLO met", text: true }, { name: "digest of the outcome", text: true },
  ];
  const row = (cell) => (run) => [
    { shown: el("a", { href: run.folder + "summary.json" }, el("code", {}, run.id)), by: run.id },
    sweep.variants[cell.variant].name, counted(sweep.loads[cell.load]), run.seed, counted(run.goodput_tps),
    counted(run.reply_p50_ms), counted(run.reply_p99_ms), counted(run.messages_per_tx), counted(run.bytes_per_tx),
    plain(run.binding_resource), run.slo_met ? "yes" : "no",
    { shown: el("a", { href: run.folder + "manifest.json", title: run.digest }, el("code", {}, run.digest.slice(0, 16))), by: run.digest },
  ];
  return table("Points", columns, sweep.cells.flatMap((cell) => cell.runs.map(row(cell))));
}
