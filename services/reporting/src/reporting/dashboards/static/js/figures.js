/** The row of key figures: totals of the reports below, with where they come from. */

import { approximate } from "./decimal.js";
import { explain } from "./definitions.js";
import { el, svg } from "./dom.js";
import { Formats, NOTHING } from "./format.js";

/** The first name that the totals have is the figure; `note` is a second total beneath it. */
const FIGURES = [
  {
    id: "won_revenue",
    report: "won-revenue",
    group: "month",
    card: "revenue-month",
    kind: "money",
    names: ["won_revenue"],
    note: ["average_deal"],
    trend: true,
  },
  {
    id: "won_deals",
    report: "won-revenue",
    group: "month",
    card: "revenue-month",
    kind: "integer",
    names: ["won_deals"],
    trend: true,
  },
  {
    id: "win_rate",
    report: "won-revenue",
    group: "month",
    card: "funnel",
    kind: "percent",
    names: ["win_rate"],
    trend: true,
  },
  {
    id: "open_pipeline",
    report: "sales-funnel",
    card: "funnel",
    kind: "money",
    names: ["open_pipeline"],
    note: ["open_deals"],
  },
  {
    id: "sla_met",
    report: "service-levels",
    group: "month",
    card: "service",
    kind: "percent",
    names: ["sla_met"],
    note: ["tickets"],
    trend: true,
  },
  {
    id: "satisfaction",
    report: "service-levels",
    group: "month",
    card: "service",
    kind: "number",
    names: ["satisfaction"],
    trend: true,
  },
];

/** The course of the months, without numbers: those stand in the chart below. */
function sparkline(values) {
  const known = values.filter((value) => value !== null);
  if (known.length < 3) {
    return null;
  }
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const points = values
    .map((value, index) => [index, value])
    .filter(([, value]) => value !== null)
    .map(([index, value]) => {
      const x = (index / (values.length - 1)) * 100;
      const y = high === low ? 12 : 22 - ((value - low) / (high - low)) * 20;
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    });
  return svg(
    "svg",
    { class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("polyline", { points: points.join(" ") }),
  );
}

function lengthOf({ length }) {
  return length <= 7 ? "short" : length <= 11 ? "medium" : length <= 15 ? "long" : "very-long";
}

class Figure {
  #source = null;
  #unsubscribe = null;

  constructor(spec, report, page) {
    Object.assign(this, { spec, report, page });
    this.label = el("a", { class: "tile-label", href: `#card-${spec.card}` });
    this.value = el("p", { class: "tile-value", "data-figure": spec.id });
    this.note = el("p", { class: "tile-note" });
    this.trend = el("div", { class: "tile-trend" });
    this.element = el(
      "div",
      { class: `tile tile-${spec.id}` },
      this.label,
      this.value,
      this.note,
      this.trend,
    );
  }

  follow() {
    const unsubscribe = this.#unsubscribe;
    this.element.setAttribute("aria-busy", "true");
    const group = this.spec.group ?? this.report.default_group_by;
    this.#unsubscribe = this.page.sources.subscribe(
      this.page.queryFor(this.report, group),
      (source, changed) => {
        this.#source = source;
        this.element.setAttribute("aria-busy", "false");
        if (changed) {
          this.draw();
        }
      },
    );
    unsubscribe?.();
  }

  #named(names) {
    const { totals = {}, columns } = this.#source.data;
    const name = names.find((candidate) => totals?.[candidate] !== undefined);
    const column = [...columns, ...this.report.columns].find(
      (candidate) => candidate.name === name,
    );
    return { name, column, value: name && totals[name] };
  }

  speak(words) {
    this.words = words;
    const defined = this.report.columns.find((column) => this.spec.names.includes(column.name));
    const title = words.say(this.spec.id);
    this.label.textContent = title;
    explain(this.label, title, words.of(defined?.definition));
    this.draw();
  }

  draw() {
    if (!this.#source) {
      return;
    }
    if (!this.#source.data) {
      this.value.textContent = NOTHING;
      return;
    }
    const { data } = this.#source;
    const formats = new Formats(this.words, data.currency);
    const { name, column, value } = this.#named(this.spec.names);
    const text = formats.figure(column?.kind ?? this.spec.kind, value);
    this.value.textContent = text;
    this.value.dataset.length = lengthOf(text);
    const note = this.#named(this.spec.note ?? []);
    const noteTitle = this.words.of(note.column?.title);
    this.note.textContent =
      noteTitle && note.value !== null
        ? `${noteTitle} ${formats.figure(note.column.kind, note.value)}`
        : "";
    const values = data.rows.map((row) => approximate(row[name]));
    this.trend.replaceChildren(...[this.spec.trend ? sparkline(values) : null].filter(Boolean));
  }
}

/** The figures whose reports the API offers. */
export function keyFigures(reports, page) {
  return FIGURES.filter((spec) => reports.has(spec.report)).map(
    (spec) => new Figure(spec, reports.get(spec.report), page),
  );
}
