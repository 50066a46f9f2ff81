/** Charts of a report. They show shapes; the exact figures stand in the table beside them. */

import { approximate } from "./decimal.js";
import { el } from "./dom.js";

const ECHARTS = "/reporting/dashboard/static/vendor/echarts.min.js";
const BAR_ROW_PX = 34;
const SHORTEST_PX = 232;

let loading = null;

/** Loaded on first use, so that figures and tables do not wait for it. */
function loadECharts() {
  loading ??= new Promise((resolve, reject) => {
    const script = el("script", { src: ECHARTS });
    script.addEventListener("load", () => resolve(globalThis.echarts));
    script.addEventListener("error", () => {
      loading = null;
      reject(new Error(ECHARTS));
    });
    document.head.append(script);
  });
  return loading;
}

function palette() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: colour("ink"),
    muted: colour("muted"),
    line: colour("line"),
    card: colour("card"),
    bar: colour("chart-1"),
    barHover: colour("chart-1-hover"),
    second: colour("chart-2"),
    faint: colour("chart-faint"),
    font: getComputedStyle(document.body).fontFamily,
  };
}

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Built as nodes: markup with style attributes would be refused by the page's content policy. */
function tip(model, row, formats) {
  const line = (column) =>
    el(
      "div",
      { class: "tip-line" },
      el("span", {}, formats.words.of(column.title)),
      el(
        "b",
        {},
        formats.figure(column.kind, row.values[column.name], {
          decimals: model.decimals[column.name],
        }),
      ),
    );
  return el("div", {}, el("div", { class: "tip-title" }, row.label), ...model.others.map(line));
}

function common(colours) {
  return {
    animation: !calm(),
    animationDuration: 350,
    animationDurationUpdate: 350,
    textStyle: { fontFamily: colours.font, color: colours.muted, fontSize: 12 },
    grid: {
      left: 4,
      right: 8,
      top: 14,
      bottom: 4,
      outerBoundsMode: "same",
      outerBoundsContain: "axisLabel",
    },
    tooltip: {
      confine: true,
      className: "chart-tip",
      backgroundColor: "transparent",
      borderWidth: 0,
      padding: 0,
      extraCssText: "box-shadow:none",
      transitionDuration: 0,
    },
  };
}

function valueAxis(colours, kind, formats, extra = {}) {
  return {
    type: "value",
    axisLabel: {
      color: colours.muted,
      formatter: (value) => formats.short(kind, value),
      hideOverlap: true,
    },
    axisLine: { show: false },
    axisTick: { show: false },
    splitLine: { lineStyle: { color: colours.line } },
    splitNumber: 4,
    ...extra,
  };
}

/** Every month between the first and the last, so that a month without figures leaves a gap. */
function monthsOf(rows) {
  const months = rows.map((row) => String(row.raw).slice(0, 7)).sort();
  const all = [];
  for (let month = months[0]; month && month <= months.at(-1);) {
    all.push(month);
    const [year, number] = month.split("-").map(Number);
    month = number === 12 ? `${year + 1}-01` : `${year}-${String(number + 1).padStart(2, "0")}`;
  }
  return all;
}

function monthAxis(months, colours, formats) {
  return {
    type: "category",
    data: months,
    axisLabel: {
      color: colours.muted,
      hideOverlap: true,
      lineHeight: 15,
      formatter: (month, index) => formats.axisMonth(month, index === 0 || month.endsWith("-01")),
    },
    axisLine: { lineStyle: { color: colours.line } },
    axisTick: { show: false },
  };
}

function byMonth(rows) {
  return new Map(rows.map((row) => [String(row.raw).slice(0, 7), row]));
}

function monthTooltip(model, formats, found) {
  return {
    trigger: "axis",
    axisPointer: { type: "shadow" },
    formatter: ([first]) => {
      const row = found.get(first?.name);
      return row ? tip(model, row, formats) : "";
    },
  };
}

function columnsOverTime(model, formats, colours) {
  const months = monthsOf(model.rows);
  const found = byMonth(model.rows);
  const { name, kind } = model.primary;
  const base = common(colours);
  return {
    ...base,
    tooltip: { ...base.tooltip, ...monthTooltip(model, formats, found) },
    xAxis: monthAxis(months, colours, formats),
    yAxis: valueAxis(colours, kind, formats),
    series: [
      {
        id: name,
        type: "bar",
        barMaxWidth: 36,
        barCategoryGap: "32%",
        itemStyle: { color: colours.bar, borderRadius: [3, 3, 0, 0] },
        emphasis: { itemStyle: { color: colours.barHover } },
        data: months.map((month) => approximate(found.get(month)?.values[name])),
      },
    ],
  };
}

/** A scale that ends at 100 % and starts at a round step under the lowest rate, with few lines. */
function rateScale(rates) {
  const known = rates.filter((rate) => rate !== null);
  const [low, high] = [Math.min(1, ...known), Math.max(0, ...known)];
  if (known.length === 0 || low < 0 || high > 1) {
    return { scale: true };
  }
  const step = [0.01, 0.02, 0.05, 0.1, 0.2].find((size) => (1 - low) / size <= 5) ?? 0.25;
  return {
    min: 1 - Math.max(1, Math.ceil((1 - low) / step - 1e-9)) * step,
    max: 1,
    interval: step,
  };
}

/** Rates as lines over a count as quiet columns. */
function ratesOverTime(model, formats, colours) {
  const months = monthsOf(model.rows);
  const found = byMonth(model.rows);
  const rates = model.measures.filter((column) => column.kind === "percent").slice(0, 2);
  const count = model.measures.find((column) => column.kind === "integer");
  const base = common(colours);
  const series = rates.map((column, index) => ({
    id: column.name,
    name: formats.words.of(column.title),
    type: "line",
    yAxisIndex: 0,
    z: 3,
    symbol: "circle",
    symbolSize: 6,
    showSymbol: months.length < 40,
    lineStyle: { width: 2.5, color: [colours.bar, colours.second][index] },
    itemStyle: { color: [colours.bar, colours.second][index] },
    data: months.map((month) => approximate(found.get(month)?.values[column.name])),
  }));
  if (count) {
    series.push({
      id: count.name,
      name: formats.words.of(count.title),
      type: "bar",
      yAxisIndex: 1,
      z: 1,
      barMaxWidth: 36,
      barCategoryGap: "32%",
      itemStyle: { color: colours.faint, borderRadius: [3, 3, 0, 0] },
      emphasis: { disabled: true },
      data: months.map((month) => approximate(found.get(month)?.values[count.name])),
    });
  }
  return {
    ...base,
    grid: { ...base.grid, top: 38 },
    legend: {
      top: 0,
      left: 0,
      itemWidth: 14,
      itemHeight: 8,
      icon: "roundRect",
      selectedMode: false,
      textStyle: { color: colours.muted, fontSize: 12, fontFamily: colours.font },
    },
    tooltip: { ...base.tooltip, ...monthTooltip(model, formats, found) },
    xAxis: monthAxis(months, colours, formats),
    yAxis: [
      valueAxis(
        colours,
        "percent",
        formats,
        rateScale(series.filter(({ type }) => type === "line").flatMap(({ data }) => data)),
      ),
      valueAxis(colours, "integer", formats, {
        splitLine: { show: false },
        min: 0,
        show: Boolean(count),
      }),
    ],
    series,
  };
}

/** Text width is only needed to leave room for the figure at the end of a bar. */
function widthOf(text) {
  return [...text].reduce((width, sign) => width + (sign.codePointAt(0) > 0x2e80 ? 13 : 7.4), 0);
}

function horizontalBars(model, formats, colours, { rows, width }) {
  const { name, kind } = model.primary;
  const label = (row) => formats.short(kind, row.values[name]);
  const labelWidth = Math.max(0, ...rows.map((row) => widthOf(label(row)))) + 14;
  const nameWidth = Math.min(
    Math.max(...rows.map((row) => widthOf(row.label)), 0) + 4,
    Math.max(92, width * 0.34),
  );
  const base = common(colours);
  return {
    ...base,
    grid: { ...base.grid, top: 2, bottom: 2, right: labelWidth },
    tooltip: {
      ...base.tooltip,
      trigger: "axis",
      axisPointer: { type: "shadow", shadowStyle: { color: colours.faint, opacity: 0.4 } },
      formatter: ([first]) => {
        const row = rows[first?.dataIndex];
        return row ? tip(model, row, formats) : "";
      },
    },
    xAxis: {
      type: "value",
      show: false,
      min: (range) => Math.min(0, range.min),
      max: kind === "percent" ? (range) => Math.max(1, range.max) : "dataMax",
    },
    yAxis: {
      type: "category",
      inverse: true,
      data: rows.map((row) => row.label),
      axisLabel: { color: colours.ink, width: nameWidth, overflow: "truncate", interval: 0 },
      axisLine: { lineStyle: { color: colours.line } },
      axisTick: { show: false },
    },
    series: [
      {
        id: name,
        type: "bar",
        barMaxWidth: 20,
        barMinHeight: 2,
        barCategoryGap: "34%",
        itemStyle: { color: colours.bar, borderRadius: [0, 3, 3, 0] },
        emphasis: { itemStyle: { color: colours.barHover } },
        label: {
          show: true,
          position: "right",
          color: colours.ink,
          fontSize: 12,
          formatter: ({ dataIndex }) => (rows[dataIndex] ? label(rows[dataIndex]) : ""),
        },
        data: rows.map((row) => approximate(row.values[name])),
      },
    ],
  };
}

/** A hex colour moved towards another by a share, up to a half. */
function mixed(colour, towards, share) {
  const channels = (hex) => [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  const [from, to] = [channels(colour), channels(towards)];
  const part = Math.min(share, 0.5);
  return `rgb(${from.map((value, index) => Math.round(value + (to[index] - value) * part)).join(",")})`;
}

function funnel(model, formats, colours, { width }) {
  const counted = model.primary;
  const rate = model.measures.find((column) => column.kind === "percent");
  const base = common(colours);
  const last = model.rows.length - 1;
  const shape = Math.round(width * (width < 480 ? 0.5 : 0.58));
  return {
    ...base,
    tooltip: {
      ...base.tooltip,
      trigger: "item",
      formatter: ({ dataIndex }) => tip(model, model.rows[dataIndex], formats),
    },
    series: [
      {
        id: counted.name,
        type: "funnel",
        sort: "none",
        left: 0,
        top: 8,
        bottom: 8,
        width: shape,
        min: 0,
        minSize: "6%",
        gap: 3,
        itemStyle: { borderWidth: 0 },
        emphasis: { label: { fontSize: 13 } },
        label: {
          position: "right",
          color: colours.ink,
          fontSize: 13,
          lineHeight: 18,
          formatter: ({ dataIndex }) => {
            const row = model.rows[dataIndex];
            const figure = formats.figure(counted.kind, row.values[counted.name]);
            const share = rate && row.values[rate.name];
            const conversion =
              share === null || share === undefined
                ? ""
                : `\n{quiet|${formats.words.of(rate.title)} ${formats.figure("percent", share)}}`;
            return `{name|${row.label}}  {figure|${figure}}${conversion}`;
          },
          rich: {
            name: { color: colours.ink, fontSize: 13, lineHeight: 18 },
            figure: { color: colours.ink, fontWeight: 600, fontSize: 13, lineHeight: 18 },
            quiet: { color: colours.muted, fontSize: 12, lineHeight: 17 },
          },
        },
        labelLine: { show: false },
        labelLayout: { x: shape + 16, align: "left" },
        data: model.rows.map((row, index) => ({
          name: row.label,
          value: approximate(row.values[counted.name]) ?? 0,
          itemStyle: {
            color: index === last ? colours.second : mixed(colours.bar, colours.card, index * 0.18),
          },
        })),
      },
    ],
  };
}

/** A funnel narrows; counts that do not (what stands in each stage today) are plain bars. */
function narrows({ rows, primary }) {
  const values = rows.map((row) => approximate(row.values[primary.name]) ?? 0);
  return (
    values.length > 1 && values.every((value, index) => index === 0 || value <= values[index - 1])
  );
}

function shapeOf(model) {
  if (model.group === "stage" && narrows(model)) {
    return "funnel";
  }
  if (model.group === "month") {
    return model.primary.kind === "percent" ? "rates" : "columns";
  }
  return "bars";
}

export class Chart {
  #place;
  #instance = null;
  #drawn = null;
  #observer;

  /** `onPick(row)` is called when a bar is clicked. */
  constructor(place, onPick) {
    this.#place = place;
    this.onPick = onPick;
    this.#observer = new ResizeObserver(() => this.redraw());
    this.#observer.observe(place);
  }

  /** Draws `rows` of the model; the chart grows with the number of bars. */
  async draw(model, rows, formats) {
    this.#drawn = { model, rows, formats };
    const shape = shapeOf(model);
    const height = shape === "bars" ? Math.max(SHORTEST_PX, rows.length * BAR_ROW_PX) : 0;
    this.#place.style.minHeight = height ? `${height}px` : "";
    await loadECharts();
    this.redraw();
  }

  redraw() {
    const { clientWidth: width, clientHeight: height } = this.#place;
    if (!this.#drawn || !globalThis.echarts || width === 0 || height === 0) {
      return; // Hidden: it is drawn when it gets a size.
    }
    const { model, rows, formats } = this.#drawn;
    const colours = palette();
    const shape = shapeOf(model);
    const options = {
      funnel: () => funnel(model, formats, colours, { width }),
      rates: () => ratesOverTime(model, formats, colours),
      columns: () => columnsOverTime(model, formats, colours),
      bars: () => horizontalBars(model, formats, colours, { rows, width }),
    }[shape]();
    if (!this.#instance) {
      this.#instance = globalThis.echarts.init(this.#place, null, { renderer: "canvas" });
      this.#instance.on("click", ({ dataIndex }) => {
        const { model: current, rows: shown } = this.#drawn;
        if (shapeOf(current) === "bars" && shown[dataIndex]) {
          this.onPick?.(shown[dataIndex]);
        }
      });
    }
    this.#instance.resize({ width, height });
    this.#instance.setOption(options, { notMerge: this.shape !== shape, replaceMerge: ["series"] });
    this.shape = shape;
  }
}
