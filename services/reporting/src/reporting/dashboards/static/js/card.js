/** One card of the board: a report as chart and table, its download, its meaning, its freshness. */

import { fetchCsv } from "./api.js";
import { Chart } from "./charts.js";
import { el, icon } from "./dom.js";
import { Formats } from "./format.js";
import { readReport } from "./model.js";
import { reasonOf, showFreshness } from "./states.js";
import { Table } from "./table.js";

const TOP = 10;
const ENDLESS = new Set(["person", "partner", "product", "region"]);

function fileNameOf(data, group, filterNames) {
  const days = [data.from, data.to].filter(Boolean);
  const names = [data.name, `by-${group}`, ...days, ...filterNames];
  return `fairway_${names.join("_").replace(/[\\/:*?"<>|\s]+/g, "-")}.csv`;
}

export class Card {
  #group;
  #source = null;
  #unsubscribe = null;
  #expanded = false;
  #view = "chart";
  #words;

  /**
   * `spec` is an entry of the board, `report` the API's definition; `page` gives the words, the
   * sources, the present query and what the card may ask of the page.
   */
  constructor(spec, report, page) {
    this.spec = spec;
    this.report = report;
    this.page = page;
    this.#group = spec.group ?? report.default_group_by;
    const id = `card-${spec.id}`;

    this.title = el("h3", { id: `${id}-title` });
    this.subtitle = el("p", { class: "card-subtitle" });
    this.groups = el("select", { onchange: () => this.#regroup(this.groups.value) });
    this.groupsBox = el("label", { class: "select small" }, this.groups);
    this.views = el("div", { class: "segmented small views", role: "group" });
    this.csvText = el("span");
    this.csv = el(
      "button",
      { type: "button", class: "button small csv", onclick: () => this.#download() },
      icon("download"),
      this.csvText,
    );
    this.about = el(
      "button",
      {
        type: "button",
        class: "button small quiet about",
        "aria-expanded": "false",
        "aria-controls": `${id}-meaning`,
        onclick: () => this.#toggleMeaning(),
      },
      icon("info"),
    );
    this.meaning = el("dl", { class: "meaning", id: `${id}-meaning`, hidden: true });
    this.chartPlace = el("div", { class: "chart", role: "img" });
    this.chartPane = el("div", { class: "chart-pane" }, this.chartPlace);
    this.chart = new Chart(this.chartPlace, (row) => page.pick(this.#group, row));
    this.table = new Table({ bars: spec.bars, ranked: spec.ranked });
    this.content = el("div", { class: "card-content" }, this.chartPane, this.table.pane);
    this.state = el("div", { class: "card-state" });
    this.more = el("button", {
      type: "button",
      class: "button small more",
      hidden: true,
      onclick: () => this.#toggleAll(),
    });
    this.freshness = el("span", { class: "freshness" });
    this.note = el("span", { class: "card-note" });
    this.element = el(
      "article",
      {
        class: `card ${spec.wide ? "wide" : "half"} ${spec.tableFirst ? "table-first" : ""}`,
        id,
        "aria-labelledby": `${id}-title`,
      },
      el(
        "header",
        { class: "card-head" },
        el("div", { class: "card-titles" }, this.title, this.subtitle),
        el("div", { class: "card-tools" }, this.groupsBox, this.views, this.about, this.csv),
      ),
      this.meaning,
      el("div", { class: "card-body" }, this.content, this.state),
      el("footer", { class: "card-foot" }, this.freshness, this.note, this.more),
    );
    this.#show("loading");
  }

  /** The default may be a grouping of its own, as the stages of the funnel are. */
  get #choices() {
    return [...new Set([this.report.default_group_by, ...this.report.group_by])];
  }

  get query() {
    return this.page.queryFor(this.report, this.#group);
  }

  /** Follows the page's period and filters; the old figures stay, dimmed, until the new arrive. */
  follow() {
    const unsubscribe = this.#unsubscribe;
    this.element.setAttribute("aria-busy", "true");
    this.csv.setAttribute("aria-disabled", "true");
    this.#unsubscribe = this.page.sources.subscribe(this.query, (source, changed) =>
      this.#hear(source, changed),
    );
    unsubscribe?.(); // Only now: the same query again keeps its answer.
  }

  /** Writes everything again: the language or the colours changed. */
  speak(words) {
    this.#words = words;
    this.groups.replaceChildren(
      ...this.#choices.map((group) =>
        el(
          "option",
          { value: group, selected: group === this.#group },
          words.say("grouped", {
            group: words.has(`group_${group}`)
              ? words.say(`group_${group}`).toLocaleLowerCase()
              : group,
          }),
        ),
      ),
    );
    this.groupsBox.hidden = !this.spec.regroup || this.#choices.length < 2;
    this.groups.setAttribute("aria-label", words.say("grouped_by"));
    this.views.setAttribute("aria-label", words.say("view_label"));
    this.views.replaceChildren(
      ...["chart", "table"].map((view) =>
        el(
          "button",
          {
            type: "button",
            "data-view": view,
            "aria-pressed": String(view === this.#view),
            onclick: () => this.#choose(view),
          },
          words.say(`view_${view}`),
        ),
      ),
    );
    this.csvText.textContent = words.say("csv");
    this.#nameThings();
    this.#draw();
    this.#tellFreshness();
  }

  #nameThings() {
    const words = this.#words;
    const key = `by_${this.#group}`;
    const title = words.of(this.report.title);
    this.name = words.has(key)
      ? words.say(key, { title })
      : words.say("by_other", { title, group: this.#group });
    this.title.textContent = this.name;
    this.subtitle.textContent = words.of(this.report.description);
    this.csv.setAttribute("aria-label", words.say("csv_label", { title: this.name }));
    this.about.setAttribute("aria-label", words.say("about", { title: this.name }));
    this.about.title = words.say("about_title");
  }

  #choose(view) {
    this.#view = view;
    this.content.dataset.view = view;
    for (const button of this.views.children) {
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
    }
  }

  #regroup(group) {
    this.#group = group;
    this.#expanded = false;
    this.#nameThings();
    this.follow();
  }

  #toggleAll() {
    this.#expanded = !this.#expanded;
    this.#draw();
  }

  #toggleMeaning() {
    this.meaning.hidden = !this.meaning.hidden;
    this.about.setAttribute("aria-expanded", String(!this.meaning.hidden));
  }

  #hear(source, changed) {
    this.#source = source;
    this.element.setAttribute("aria-busy", "false");
    this.csv.removeAttribute("aria-disabled");
    if (changed) {
      this.#draw();
    }
    this.#tellFreshness();
  }

  #show(state, ...content) {
    this.element.dataset.state = state;
    this.state.replaceChildren(...content.filter(Boolean));
  }

  #draw() {
    if (!this.#source) {
      return;
    }
    const { data, problem } = this.#source;
    if (!data) {
      this.#drawProblem(problem);
    } else if (data.rows.length === 0) {
      this.#drawEmpty();
    } else {
      this.#drawFigures(data);
    }
  }

  #drawFigures(data) {
    this.#show("figures");
    const words = this.#words;
    const formats = new Formats(words, data.currency);
    const { wanted, wantedKind } = this.spec;
    const model = readReport(data, this.report, { formats, wanted, wantedKind });
    this.#choose(this.#view);
    const limit =
      this.#expanded || !ENDLESS.has(model.group) ? model.rows.length : (this.spec.top ?? TOP);
    const shown = model.rows.slice(0, limit);
    this.table.draw(model, formats, { title: this.name, limit, group: model.group });
    if (model.primary) {
      this.chart
        .draw(model, shown, formats)
        .catch(() => this.element.classList.add("without-chart"));
      const [first] = [...shown].sort(
        (a, b) =>
          Number(b.values[model.primary.name] ?? 0) - Number(a.values[model.primary.name] ?? 0),
      );
      this.chartPlace.setAttribute(
        "aria-label",
        words.say("chart_summary", {
          title: this.name,
          n: shown.length,
          label: first.label,
          value: formats.figure(model.primary.kind, first.values[model.primary.name]),
        }),
      );
    }
    const many = model.rows.length > (this.spec.top ?? TOP) && ENDLESS.has(model.group);
    this.more.hidden = !many;
    this.more.textContent = this.#expanded
      ? words.say("show_top", { n: this.spec.top ?? TOP })
      : words.say("show_all", { n: model.rows.length });
    this.#explainColumns(model);
  }

  #explainColumns(model) {
    const words = this.#words;
    const known = model.others.filter((column) => words.of(column.definition));
    this.about.hidden = known.length === 0;
    this.meaning.replaceChildren(
      ...known.map((column) =>
        el(
          "div",
          {},
          el("dt", {}, words.of(column.title)),
          el("dd", {}, words.of(column.definition)),
        ),
      ),
    );
  }

  #drawEmpty() {
    const words = this.#words;
    const narrowed = this.page.isNarrowed();
    this.more.hidden = true;
    this.#show(
      "empty",
      icon("empty"),
      el("p", {}, words.say(narrowed ? "empty_period" : "empty_ever")),
      narrowed
        ? el(
            "button",
            { type: "button", class: "button small", onclick: () => this.page.showAll() },
            words.say("show_all_data"),
          )
        : null,
    );
  }

  #drawProblem(problem) {
    const words = this.#words;
    this.more.hidden = true;
    this.#show(
      "problem",
      icon("alert"),
      el("p", { class: "state-title" }, words.say("problem_title")),
      el("p", {}, reasonOf(problem, words)),
      problem.requestId
        ? el(
            "p",
            { class: "request-id" },
            `${words.say("request_id")}: `,
            el("code", {}, problem.requestId),
          )
        : null,
      el(
        "button",
        {
          type: "button",
          class: "button small",
          onclick: () => this.page.sources.retry(this.#source),
        },
        words.say("retry"),
      ),
    );
  }

  #tellFreshness() {
    showFreshness(this.freshness, this.#source, this.#words);
    const ignored = this.page.ignoredFilters(this.report);
    this.note.textContent = ignored.length
      ? this.#words.say("not_filtered", {
          names: ignored.map((name) => this.#words.say(`group_${name}`)).join(", "),
        })
      : "";
  }

  async #download() {
    if (this.csv.hasAttribute("aria-disabled")) {
      return;
    }
    const words = this.#words;
    this.csv.setAttribute("aria-disabled", "true");
    this.page.announce(words.say("csv_working", { title: this.name }));
    try {
      const blob = await fetchCsv(this.query, words.language);
      const file = fileNameOf(this.#source.data, this.#group, this.page.filterNames(this.report));
      const link = el("a", { href: URL.createObjectURL(blob), download: file });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      this.page.announce(words.say("csv_done", { file }));
    } catch (problem) {
      this.page.announce(words.say("csv_failed", { reason: reasonOf(problem, words) }), "problem");
    } finally {
      this.csv.removeAttribute("aria-disabled");
    }
  }
}
