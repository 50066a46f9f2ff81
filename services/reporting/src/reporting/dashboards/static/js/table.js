/** The table of a report: sortable columns with their definitions, and a row of totals. */

import { approximate } from "./decimal.js";
import { explain } from "./definitions.js";
import { el } from "./dom.js";
import { NOTHING } from "./format.js";
import { sortRows } from "./model.js";

const numeric = (column) => column.kind !== "text";

export class Table {
  #sort = null;
  #headed = null;
  #last = new Map();
  #drawn = null;

  constructor({ bars = [], ranked = false } = {}) {
    this.bars = bars;
    this.ranked = ranked;
    this.head = el("thead");
    this.body = el("tbody");
    this.foot = el("tfoot");
    this.caption = el("caption", { class: "visually-hidden" });
    this.element = el("table", {}, this.caption, this.head, this.body, this.foot);
    this.pane = el("div", { class: "table-pane" }, this.element);
    new ResizeObserver(() => this.#makeScrollable()).observe(this.pane);
  }

  /** `limit` rows are shown, totals are always those of the whole report. */
  draw(model, formats, { title, limit, group }) {
    this.#drawn = { model, formats, options: { title, limit, group } };
    const { words } = formats;
    this.caption.textContent = title;
    this.pane.setAttribute("aria-label", words.say("table_of", { title }));
    const columns = [model.label, ...model.others];
    this.#drawHead(columns, model, formats);
    const sorted = sortRows(model, this.#sort, words.locale);
    const rows = sorted.slice(0, limit);
    const seen = new Map();
    this.body.replaceChildren(
      ...rows.map((row, index) => this.#row(row, index, columns, model, formats, seen)),
    );
    this.#last = seen;
    this.foot.replaceChildren(this.#totals(columns, model, formats));
    this.#makeScrollable();
  }

  #drawHead(columns, model, formats) {
    const { words } = formats;
    const signature = JSON.stringify([columns, words.language, formats.currency, this.#sort]);
    if (signature === this.#headed) {
      return;
    }
    const focused = this.head.contains(document.activeElement)
      ? document.activeElement.dataset.column
      : null;
    this.head.replaceChildren(
      el("tr", {}, ...columns.map((column) => this.#heading(column, model, formats))),
    );
    this.#headed = signature;
    if (focused) {
      this.head.querySelector(`[data-column="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  #heading(column, model, formats) {
    const { words } = formats;
    const title =
      column === model.label && words.has(`group_${model.group}`)
        ? words.say(`group_${model.group}`)
        : words.of(column.title);
    const direction = this.#sort?.column === column.name ? this.#sort.direction : 0;
    const unit = formats.unit(column.kind);
    const button = el(
      "button",
      {
        type: "button",
        class: "sort",
        "data-column": column.name,
        onclick: () => this.#sortBy(column),
      },
      el("span", { class: "sort-title" }, title),
      unit ? el("span", { class: "unit" }, unit) : null,
      el("span", { class: "sort-arrow", "aria-hidden": "true" }),
    );
    explain(button, title, words.of(column.definition));
    return el(
      "th",
      {
        scope: "col",
        class: numeric(column) ? "figure" : "name",
        "aria-sort": direction ? (direction > 0 ? "ascending" : "descending") : null,
      },
      button,
    );
  }

  #sortBy(column) {
    const first = numeric(column) ? -1 : 1;
    const current = this.#sort?.column === column.name ? this.#sort.direction : 0;
    const next = current === 0 ? first : current === first ? -first : 0;
    this.#sort = next ? { column: column.name, direction: next } : null;
    const { model, formats, options } = this.#drawn;
    this.draw(model, formats, options);
  }

  #row(row, index, columns, model, formats, seen) {
    return el(
      "tr",
      {},
      ...columns.map((column) => {
        if (column === model.label) {
          const rank =
            this.ranked && !this.#sort ? el("span", { class: "rank" }, String(index + 1)) : null;
          return el("th", { scope: "row", class: "name", title: row.label }, rank, row.label);
        }
        const value = row.values[column.name];
        const text = this.#text(column, value, model, formats);
        const cell = el("td", { class: numeric(column) ? "figure" : "name" }, text);
        const place = `${row.key} ${column.name}`;
        seen.set(place, value);
        if (this.#last.has(place) && this.#last.get(place) !== value) {
          cell.classList.add("changed");
        }
        if (this.bars.includes(column.name)) {
          this.#addBar(cell, column, value, model);
        }
        return cell;
      }),
    );
  }

  #addBar(cell, column, value, model) {
    const largest = Math.max(...model.rows.map((row) => approximate(row.values[column.name]) ?? 0));
    const share = largest > 0 ? Math.max(0, (approximate(value) ?? 0) / largest) : 0;
    const bar = el("span", { class: "cell-bar", "aria-hidden": "true" }, el("span"));
    bar.firstChild.style.width = `${(share * 100).toFixed(1)}%`;
    cell.append(bar);
  }

  #totals(columns, model, formats) {
    return el(
      "tr",
      {},
      ...columns.map((column) => {
        if (column === model.label) {
          return el("th", { scope: "row", class: "name" }, formats.words.say("total"));
        }
        const has = model.totals[column.name] !== undefined;
        const text = has ? this.#text(column, model.totals[column.name], model, formats) : "";
        return el(
          "td",
          { class: numeric(column) ? "figure" : "name", "data-column": column.name },
          text,
        );
      }),
    );
  }

  #text(column, value, model, formats) {
    if (column.kind === "text") {
      return value === null || value === undefined || value === "" ? NOTHING : String(value);
    }
    return formats.figure(column.kind, value, {
      bare: true,
      decimals: model.decimals[column.name],
    });
  }

  /** A pane that scrolls must be reachable by keyboard; one that does not should not be a stop. */
  #makeScrollable() {
    const { pane } = this;
    const scrolls =
      pane.scrollHeight > pane.clientHeight + 1 || pane.scrollWidth > pane.clientWidth + 1;
    pane.toggleAttribute("data-scrolls", scrolls);
    if (scrolls) {
      pane.setAttribute("tabindex", "0");
      pane.setAttribute("role", "region");
    } else {
      pane.removeAttribute("tabindex");
      pane.removeAttribute("role");
    }
  }
}
