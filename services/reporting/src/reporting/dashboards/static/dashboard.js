/** The sales and channel dashboard: which cards it has, and what holds them together. */

import { listReports } from "./js/api.js";
import { Card } from "./js/card.js";
import { watchDefinitions } from "./js/definitions.js";
import { el, icon } from "./js/dom.js";
import { keyFigures } from "./js/figures.js";
import { DIMENSIONS, Filters } from "./js/filters.js";
import { Formats } from "./js/format.js";
import { initialLanguage, rememberLanguage, Words } from "./js/i18n.js";
import { session } from "./js/session.js";
import { SignedIn, SignInForm } from "./js/sign_in.js";
import { Sources } from "./js/sources.js";
import { reasonOf, showStatus } from "./js/states.js";

const SECTIONS = [
  {
    id: "revenue",
    cards: [
      { id: "revenue-month", report: "won-revenue", group: "month", wide: true },
      { id: "revenue-region", report: "won-revenue", group: "region" },
      { id: "revenue-product", report: "won-revenue", group: "product" },
      { id: "revenue-person", report: "won-revenue", group: "person", ranked: true },
      { id: "revenue-partner", report: "won-revenue", group: "partner", ranked: true },
    ],
  },
  {
    id: "funnel",
    cards: [
      {
        id: "funnel",
        report: "sales-funnel",
        wide: true,
        regroup: true,
        wanted: ["reached_deals"],
        wantedKind: "integer",
      },
    ],
  },
  {
    id: "channel",
    cards: [
      {
        id: "channel",
        report: "channel-performance",
        group: "partner",
        wide: true,
        regroup: true,
        tableFirst: true,
        ranked: true,
        wanted: ["score"],
        bars: ["score"],
      },
    ],
  },
  {
    id: "service",
    cards: [
      {
        id: "service",
        report: "service-levels",
        group: "month",
        wide: true,
        regroup: true,
        wantedKind: "percent",
      },
    ],
  },
];

const RETRY_MS = 5_000;
const WORDS_RETRY_MS = 1_000;
const ANNOUNCED_MS = 6_000;

const byId = (id) => document.getElementById(id);

class Page {
  #words = new Words();
  #views = [];
  #optionSubscriptions = [];
  #announced = null;

  async start() {
    watchDefinitions(byId("definition"));
    this.#meetPeople();
    byId("print").append(icon("print"), el("span", { id: "print-text" }));
    byId("print").addEventListener("click", () => print());
    for (const button of byId("language").children) {
      button.addEventListener("click", () => this.#speak(button.dataset.lang, true));
    }
    const language = initialLanguage();
    this.filters = new Filters(byId("filters"), () => this.#follow());
    this.sources = new Sources(language, () => this.#tellStatus());
    await this.#speakAtLast(language);
    document.documentElement.classList.remove("loading");
    byId("slow-start").remove();
    await this.#loadReports();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#redraw());
    this.#printOnPaper();
  }

  /** Where the API asks who it is, a form stands in the board's place until somebody signs in. */
  #meetPeople() {
    const form = new SignInForm(byId("sign-in"), (...who) => session.signIn(...who));
    const signedIn = new SignedIn(byId("account"), () => this.#signOut());
    this.signIn = form;
    this.signedIn = signedIn;
    session.onNeeded = (username) => {
      document.documentElement.classList.add("signing-in");
      form.show(this.#words, username);
      this.#writeTitle();
    };
    session.onSignedIn = () => {
      form.hide();
      document.documentElement.classList.remove("signing-in");
      byId("main").focus({ preventScroll: true });
      this.#writeTitle();
      this.#redraw();
    };
    session.onPerson = (person) => signedIn.show(person, this.#words);
  }

  /** What was on the page is gone with it, the filters in its address as well. */
  async #signOut() {
    await session.signOut();
    const language = new URLSearchParams(location.search).get("lang");
    location.replace(`${location.pathname}${language ? `?lang=${this.#words.language}` : ""}`);
  }

  #writeTitle() {
    const words = this.#words;
    const here = words.say(this.signIn.isShown ? "sign_in" : "page_title");
    document.title = `${here} · Fairway 渠道客户管理`;
  }

  /** Without its words the page cannot even say what is wrong, so it tries until they arrive. */
  async #speakAtLast(language) {
    for (;;) {
      try {
        return await this.#speak(language);
      } catch {
        await new Promise((resolve) => {
          setTimeout(resolve, WORDS_RETRY_MS);
        });
      }
    }
  }

  async #loadReports() {
    this.#tellStatus();
    let reports;
    try {
      reports = await listReports(this.#words.language);
    } catch (problem) {
      this.#tellStartProblem(problem);
      return;
    }
    byId("notice").replaceChildren();
    this.reports = new Map(reports.map((report) => [report.name, report]));
    this.#build();
    this.#views.forEach((view) => view.speak(this.#words));
    this.#follow();
  }

  #tellStartProblem(problem) {
    const words = this.#words;
    const again = setTimeout(() => this.#loadReports(), RETRY_MS);
    const retry = () => {
      clearTimeout(again);
      this.#loadReports();
    };
    byId("notice").replaceChildren(
      el(
        "div",
        { class: "card page-problem", "data-state": "problem" },
        el(
          "div",
          { class: "card-state" },
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
            { type: "button", class: "button small", onclick: retry },
            words.say("retry"),
          ),
        ),
      ),
    );
    byId("status").dataset.level = "late";
    byId("status-text").textContent = words.say("status_none");
  }

  #build() {
    const figures = keyFigures(this.reports, this);
    byId("figures").replaceChildren(...figures.map((figure) => figure.element));
    const cards = [];
    const sections = SECTIONS.map(({ id, cards: specs }) => {
      const offered = specs
        .filter((spec) => this.reports.has(spec.report))
        .filter(
          (spec) => !spec.group || this.reports.get(spec.report).group_by.includes(spec.group),
        )
        .map((spec) => new Card(spec, this.reports.get(spec.report), this));
      cards.push(...offered);
      return offered.length === 0
        ? null
        : el(
            "section",
            { class: "section", id, "aria-labelledby": `${id}-heading` },
            el("h2", { id: `${id}-heading`, "data-i18n": `section_${id}` }),
            el("div", { class: "cards" }, ...offered.map((card) => card.element)),
          );
    }).filter(Boolean);
    byId("board").replaceChildren(...sections);
    byId("sections").replaceChildren(
      el("a", { href: "#main", "data-i18n": "section_overview" }),
      ...sections.map(({ id }) => el("a", { href: `#${id}`, "data-i18n": `section_${id}` })),
    );
    this.#words.apply(document);
    this.#views = [...figures, ...cards];
  }

  async #speak(language, chosen = false) {
    await this.#words.load(language);
    const words = this.#words;
    document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
    words.apply(document);
    byId("print-text").textContent = words.say("print");
    byId("language").setAttribute("aria-label", words.say("language"));
    byId("sections").setAttribute("aria-label", words.say("sections"));
    for (const button of byId("language").children) {
      button.setAttribute("aria-pressed", String(button.dataset.lang === language));
    }
    this.sources.language = language;
    this.filters.speak(words);
    this.signIn.speak(words);
    this.signedIn.speak(words);
    this.#writeTitle();
    this.#redraw();
    this.#tellStatus();
    if (chosen) {
      rememberLanguage(language);
      this.#writeAddress(true);
    }
  }

  /** A board that is not shown has no size to draw in; it is drawn when it is shown again. */
  #redraw() {
    if (!this.signIn.isShown) {
      this.#views.forEach((view) => view.speak(this.#words));
    }
  }

  /** Period or filters changed: every view asks anew, what nobody asks any more is dropped. */
  #follow() {
    if (!this.reports) {
      return;
    }
    this.#writeAddress();
    this.#offerFilters();
    this.#views.forEach((view) => view.follow());
    this.#tellStatus();
  }

  /**
   * The choices are the rows of the whole, unfiltered report. The default view asks that anyway; a
   * narrowed view asks once.
   */
  #offerFilters() {
    const before = this.#optionSubscriptions;
    const report = this.reports.get("won-revenue");
    const offered = DIMENSIONS.filter((name) => report?.group_by.includes(name));
    this.#optionSubscriptions = offered
      .filter((name) => !this.isNarrowed() || !this.filters.offers(name))
      .map((name) => {
        const unsubscribe = this.sources.subscribe(
          { report: report.name, groupBy: name },
          ({ data }) => {
            if (data) {
              this.#offerRows(name, data);
              if (this.isNarrowed()) {
                queueMicrotask(() => unsubscribe());
              }
            }
          },
        );
        return unsubscribe;
      });
    before.forEach((unsubscribe) => unsubscribe());
  }

  #offerRows(name, { columns, rows }) {
    const formats = new Formats(this.#words);
    const label = columns.find((column) => column.name === name) ?? columns[0];
    const idOf = (row) => row[`${name}_id`] ?? row.id;
    const choices = rows
      .filter(idOf)
      .map((row) => [idOf(row), formats.name(name, row[label.name])]);
    this.filters.offer(name, choices);
  }

  #filtersOf(report) {
    return DIMENSIONS.filter((name) => this.filters.values[name] && report.group_by.includes(name));
  }

  queryFor(report, groupBy) {
    return {
      report: report.name,
      // A default that cannot be asked for by name is what comes when nothing is asked.
      groupBy: report.group_by.includes(groupBy) ? groupBy : undefined,
      ...this.filters.days,
      filters: Object.fromEntries(
        this.#filtersOf(report).map((name) => [name, this.filters.values[name]]),
      ),
    };
  }

  /** Filters that are set but that this report does not know; the card says so. */
  ignoredFilters(report) {
    return DIMENSIONS.filter(
      (name) => this.filters.values[name] && !report.group_by.includes(name),
    );
  }

  filterNames(report) {
    return this.#filtersOf(report).map((name) => this.filters.nameOf(name));
  }

  isNarrowed() {
    return this.filters.isNarrowed;
  }

  showAll() {
    this.filters.clear();
  }

  /** A bar was clicked: the page shows only that region, product, person or partner. */
  pick(group, row) {
    if (DIMENSIONS.includes(group) && row.id) {
      this.filters.set(group, row.id);
    }
  }

  announce(text, kind = "done") {
    const place = byId("announce");
    place.textContent = text;
    place.dataset.kind = kind;
    clearTimeout(this.#announced);
    this.#announced = setTimeout(() => {
      place.textContent = "";
    }, ANNOUNCED_MS);
  }

  #writeAddress(withLanguage = new URLSearchParams(location.search).has("lang")) {
    const parameters = new URLSearchParams(this.filters.parameters);
    if (withLanguage) {
      parameters.set("lang", this.#words.language);
    }
    const asked = parameters.toString();
    history.replaceState(
      null,
      "",
      `${location.pathname}${asked ? `?${asked}` : ""}${location.hash}`,
    );
  }

  #tellStatus() {
    if (!this.#words.language) {
      return;
    }
    const sources = this.sources.all;
    showStatus(byId("status"), byId("status-text"), sources, this.#words);
    const current =
      this.reports?.has("won-revenue") &&
      sources.find(
        ({ query, data }) =>
          data && query.from === this.filters.days.from && query.to === this.filters.days.to,
      );
    if (current?.data.from && current.data.to) {
      this.filters.shownDays = { from: current.data.from, to: current.data.to };
      byId("range").textContent = new Formats(this.#words).range(
        current.data.from,
        current.data.to,
      );
    } else if (current) {
      byId("range").textContent = "";
    }
  }

  /** Paper is white and narrow whatever the screen is, and shows charts and tables. */
  #printOnPaper() {
    const root = document.documentElement;
    addEventListener("beforeprint", () => {
      root.classList.add("printing");
      this.#redraw();
    });
    addEventListener("afterprint", () => {
      root.classList.remove("printing");
      this.#redraw();
    });
  }
}

new Page().start();
