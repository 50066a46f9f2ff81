/** The period and the filters, kept in the address so that a view can be shared and bookmarked. */

import { el } from "./dom.js";

export const DIMENSIONS = ["region", "partner", "product", "person"];
const PERIODS = ["all", "year", "months", "quarter", "previous_quarter", "custom"];

const civil = (date) =>
  [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");

/** First and last day of a period; both undefined for the whole range that has data. */
function daysOf(period, custom, today = new Date()) {
  const [year, month] = [today.getFullYear(), today.getMonth()];
  const quarter = month - (month % 3);
  const days = {
    year: () => [new Date(year, 0, 1), new Date(year, 11, 31)],
    months: () => [new Date(year, month - 11, 1), today],
    quarter: () => [new Date(year, quarter, 1), new Date(year, quarter + 3, 0)],
    previous_quarter: () => [new Date(year, quarter - 3, 1), new Date(year, quarter, 0)],
  }[period];
  if (days) {
    const [from, to] = days();
    return { from: civil(from), to: civil(to) };
  }
  return period === "custom" ? { from: custom.from || undefined, to: custom.to || undefined } : {};
}

export class Filters {
  #words = null;
  #options = new Map();

  /** `onChange` is called when the page should show other figures. */
  constructor(form, onChange) {
    this.form = form;
    this.onChange = onChange;
    this.#read();
    form.addEventListener("submit", (event) => event.preventDefault());
    this.#build();
  }

  #read() {
    const asked = new URLSearchParams(location.search);
    this.custom = { from: asked.get("from") ?? "", to: asked.get("to") ?? "" };
    const period = asked.get("period");
    this.period = PERIODS.includes(period)
      ? period
      : this.custom.from || this.custom.to
        ? "custom"
        : "all";
    this.values = Object.fromEntries(DIMENSIONS.map((name) => [name, asked.get(name) ?? ""]));
  }

  get days() {
    return daysOf(this.period, this.custom);
  }

  get isNarrowed() {
    const { from, to } = this.days;
    return Boolean(from || to || Object.values(this.values).some(Boolean));
  }

  /** What the address bar should say. */
  get parameters() {
    const custom = this.period === "custom" ? this.custom : {};
    const all = { period: this.period === "all" ? "" : this.period, ...custom, ...this.values };
    return Object.entries(all).filter(([, value]) => value);
  }

  nameOf(dimension) {
    return this.#options.get(dimension)?.get(this.values[dimension]) ?? this.values[dimension];
  }

  offers(dimension) {
    return this.#options.has(dimension);
  }

  /** The choices of a filter, as `[id, name]`; a filter without choices is not shown. */
  offer(dimension, choices) {
    const sorted = [...choices].sort((a, b) => a[1].localeCompare(b[1], this.#words?.locale));
    const before = this.#options.get(dimension);
    if (before && JSON.stringify([...before]) === JSON.stringify(sorted)) {
      return;
    }
    this.#options.set(dimension, new Map(sorted));
    this.#writeOptions(dimension);
  }

  set(dimension, value) {
    this.values[dimension] = this.values[dimension] === value ? "" : value;
    this.#changed();
  }

  clear() {
    this.period = "all";
    this.values = Object.fromEntries(DIMENSIONS.map((name) => [name, ""]));
    this.#changed();
  }

  #build() {
    this.periods = el("div", { class: "segmented periods", role: "group" });
    this.from = el("input", { type: "date", onchange: () => this.#dated() });
    this.to = el("input", { type: "date", onchange: () => this.#dated() });
    this.fromText = el("span");
    this.toText = el("span");
    this.fault = el("p", { class: "fault", role: "alert", hidden: true });
    this.dates = el(
      "div",
      { class: "dates" },
      el("label", {}, this.fromText, this.from),
      el("label", {}, this.toText, this.to),
      this.fault,
    );
    this.selects = Object.fromEntries(
      DIMENSIONS.map((name) => [
        name,
        el("select", { name, onchange: (event) => this.#filtered(name, event.target.value) }),
      ]),
    );
    this.boxes = Object.fromEntries(
      DIMENSIONS.map((name) => [
        name,
        el("label", { class: "select", hidden: true }, this.selects[name]),
      ]),
    );
    this.reset = el("button", {
      type: "button",
      class: "button quiet reset",
      onclick: () => this.clear(),
    });
    this.form.append(
      this.periods,
      this.dates,
      el("div", { class: "selects" }, ...Object.values(this.boxes), this.reset),
    );
  }

  speak(words) {
    this.#words = words;
    this.periods.setAttribute("aria-label", words.say("period"));
    this.periods.replaceChildren(
      ...PERIODS.map((period) =>
        el(
          "button",
          { type: "button", "data-period": period, onclick: () => this.#choose(period) },
          words.say(`period_${period}`),
        ),
      ),
    );
    this.fromText.textContent = words.say("from");
    this.toText.textContent = words.say("to");
    this.fault.textContent = words.say("range_invalid");
    this.reset.textContent = words.say("clear_filters");
    DIMENSIONS.forEach((dimension) => this.#writeOptions(dimension));
    this.show();
  }

  #writeOptions(dimension) {
    const options = this.#options.get(dimension) ?? new Map();
    const value = this.values[dimension];
    const chosen = value && !options.has(value) ? [[value, value]] : [];
    const select = this.selects[dimension];
    const words = this.#words;
    if (!words) {
      return;
    }
    select.replaceChildren(
      el("option", { value: "" }, words.say(`all_${dimension}`)),
      ...[...chosen, ...options].map(([id, name]) => el("option", { value: id }, name)),
    );
    select.value = value;
    select.setAttribute("aria-label", words.say(`group_${dimension}`));
    this.boxes[dimension].hidden = options.size === 0 && !value;
  }

  #choose(period) {
    if (period === "custom" && !this.custom.from && this.shownDays) {
      this.custom = { ...this.shownDays };
    }
    this.period = period;
    this.#changed();
  }

  #dated() {
    this.custom = { from: this.from.value, to: this.to.value };
    this.period = "custom";
    const wrong = this.custom.from && this.custom.to && this.custom.from > this.custom.to;
    this.fault.hidden = !wrong;
    for (const input of [this.from, this.to]) {
      input.toggleAttribute("aria-invalid", Boolean(wrong));
    }
    if (!wrong) {
      this.#changed();
    }
  }

  #filtered(dimension, value) {
    this.values[dimension] = value;
    this.#changed();
  }

  #changed() {
    this.fault.hidden = true;
    this.show();
    this.onChange();
  }

  show() {
    for (const button of this.periods.children) {
      button.setAttribute("aria-pressed", String(button.dataset.period === this.period));
    }
    this.dates.hidden = this.period !== "custom";
    this.from.value = this.custom.from;
    this.to.value = this.custom.to;
    for (const dimension of DIMENSIONS) {
      this.selects[dimension].value = this.values[dimension];
      this.boxes[dimension].classList.toggle("set", Boolean(this.values[dimension]));
    }
    this.reset.hidden = !this.isNarrowed;
  }
}
