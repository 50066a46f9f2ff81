/** Figures, dates and names as the reader's locale writes them. */

import { decimalsUsed } from "./decimal.js";

export const NOTHING = "–";

const MONTH = /^(\d{4})-(\d{2})(?:-\d{2})?$/;
const missing = (value) => value === null || value === undefined || value === "";

/** A civil date or month as a moment in UTC, so that no time zone can move it to its neighbour. */
const civil = (text) => new Date(`${text.length === 7 ? `${text}-01` : text}T00:00:00Z`);

export class Formats {
  #cache = new Map();

  constructor(words, currency) {
    this.words = words;
    this.locale = words.locale;
    this.currency = currency ?? null;
  }

  #number(options) {
    const key = JSON.stringify(options);
    if (!this.#cache.has(key)) {
      this.#cache.set(key, new Intl.NumberFormat(this.locale, options));
    }
    return this.#cache.get(key);
  }

  #date(options) {
    return new Intl.DateTimeFormat(this.locale, options);
  }

  /**
   * Decimals that all figures of a column show, so that they align: no cent of money is lost and
   * whole amounts stay short; other numbers have at most two.
   */
  decimals(kind, values) {
    const used = Math.max(0, ...values.filter((value) => !missing(value)).map(decimalsUsed));
    if (kind === "money") {
      return used === 0 ? 0 : Math.max(used, this.#currencyDecimals());
    }
    return { percent: 1, hours: 1, number: Math.min(used, 2) }[kind] ?? 0;
  }

  #currencyDecimals() {
    if (!this.currency) {
      return 2;
    }
    return this.#number({ style: "currency", currency: this.currency }).resolvedOptions()
      .maximumFractionDigits;
  }

  #moneyStyle() {
    return this.currency
      ? { style: "currency", currency: this.currency, currencyDisplay: "narrowSymbol" }
      : {};
  }

  /** One figure; `bare` leaves the currency and other units to the column's heading. */
  figure(kind, value, { bare = false, decimals = null } = {}) {
    if (missing(value)) {
      return NOTHING;
    }
    if (kind === "text") {
      return String(value);
    }
    const digits = decimals ?? this.decimals(kind, [value]);
    const style = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    if (kind === "percent") {
      style.style = "percent";
    }
    if (kind === "money" && !bare) {
      Object.assign(style, this.#moneyStyle());
    }
    // Intl reads a decimal string exactly; Number(value) first would round large amounts.
    const text = this.#number(style).format(value);
    return kind === "hours" && !bare ? this.words.say("hours", { n: text }) : text;
  }

  /** For axes and bars, where the exact figure stands in the table: "¥1.2M", "120万". */
  short(kind, value) {
    if (missing(value)) {
      return NOTHING;
    }
    switch (kind) {
      case "money":
        return this.#number({
          ...this.#moneyStyle(),
          notation: "compact",
          minimumFractionDigits: 0,
          maximumSignificantDigits: 3,
        }).format(value);
      case "percent":
        return this.#number({ style: "percent", maximumFractionDigits: 0 }).format(value);
      case "integer":
        return this.#number({ notation: "compact", maximumSignificantDigits: 3 }).format(value);
      default:
        return this.figure(kind, value);
    }
  }

  /** The unit that bare figures of this kind have, for the heading. */
  unit(kind) {
    if (kind === "money") {
      return this.currency ?? "";
    }
    return kind === "hours" ? this.words.say("hours_unit") : "";
  }

  isMonth(text) {
    return MONTH.test(text);
  }

  month(text) {
    return this.#date({ year: "numeric", month: "short", timeZone: "UTC" }).format(civil(text));
  }

  /** For a time axis: the month, and the year where it starts. */
  axisMonth(text, withYear) {
    const date = civil(text);
    const month = this.#date({ month: "short", timeZone: "UTC" }).format(date);
    const year = this.#date({ year: "numeric", timeZone: "UTC" }).format(date);
    return withYear ? `${month}\n${year}` : month;
  }

  /** "1 Oct 2016 – 31 Dec 2017". */
  range(from, to) {
    return this.#date({ dateStyle: "medium", timeZone: "UTC" }).formatRange(civil(from), civil(to));
  }

  /** A moment; the day only when it is not today. */
  moment(text) {
    const moment = new Date(text);
    const today = new Date().toDateString() === moment.toDateString();
    return this.#date(
      today ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "medium" },
    ).format(moment);
  }

  momentInFull(text) {
    return this.#date({ dateStyle: "full", timeStyle: "long" }).format(new Date(text));
  }

  /** How far the figures are behind: "2 s", "7 min". */
  lag(seconds) {
    const [value, unit] =
      seconds < 60
        ? [seconds, "second"]
        : seconds < 3600
          ? [seconds / 60, "minute"]
          : seconds < 86_400
            ? [seconds / 3600, "hour"]
            : [seconds / 86_400, "day"];
    return this.#number({
      style: "unit",
      unit,
      unitDisplay: "short",
      maximumFractionDigits: 0,
    }).format(value);
  }

  /** The name of a row: a month, a stage, or the name the API gives. */
  name(group, value) {
    if (missing(value)) {
      return this.words.say("unassigned");
    }
    if (group === "month" && this.isMonth(value)) {
      return this.month(value);
    }
    const key = `stage_${value}`;
    return group === "stage" && this.words.has(key) ? this.words.say(key) : String(value);
  }
}
