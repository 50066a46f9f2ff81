/**
 * Running reports that stay fresh. Views subscribe to a query; views that ask the same share one
 * request. A view hears `changed` only when the figures did, so a refresh does not flicker.
 */

import { addressOf, runReport } from "./api.js";

const REFRESH_MS = 15_000;
const RECONNECT_MS = 4_000;
const LONGEST_PAUSE_MS = 300_000;
const AT_ONCE = 4;

export class Sources {
  #sources = new Map();
  #waiting = [];
  #running = 0;
  #timer = null;
  #language;

  /** `onSettled` is called whenever an answer or a failure came in. */
  constructor(language, onSettled) {
    this.#language = language;
    this.onSettled = onSettled;
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) {
        this.refresh();
      }
    });
    window.addEventListener("online", () => this.refresh());
  }

  set language(language) {
    this.#language = language;
  }

  get all() {
    return [...this.#sources.values()];
  }

  /** Calls `listener(source, changed)` now if there is an answer, and after each one. */
  subscribe(query, listener) {
    const address = addressOf(query);
    let source = this.#sources.get(address);
    if (!source) {
      source = { address, query, data: null, problem: null, figures: null, listeners: new Set() };
      this.#sources.set(address, source);
    }
    source.listeners.add(listener);
    if (!source.data && !source.problem) {
      this.#enqueue(source);
    }
    if (source.data || source.problem) {
      listener(source, true);
    }
    return () => {
      source.listeners.delete(listener);
      if (source.listeners.size === 0) {
        source.request?.abort();
        this.#sources.delete(address);
      }
    };
  }

  refresh() {
    this.all.forEach((source) => this.#enqueue(source));
  }

  retry(source) {
    this.#enqueue(source);
  }

  #enqueue(source) {
    if (source.request || this.#waiting.includes(source)) {
      return;
    }
    this.#waiting.push(source);
    this.#work();
  }

  #work() {
    while (this.#running < AT_ONCE && this.#waiting.length > 0) {
      const source = this.#waiting.shift();
      if (source.listeners.size > 0) {
        this.#running += 1;
        this.#ask(source).finally(() => {
          this.#running -= 1;
          this.#work();
          if (this.#running === 0) {
            this.#schedule();
          }
        });
      }
    }
  }

  async #ask(source) {
    const request = new AbortController();
    source.request = request;
    let changed = false;
    try {
      const data = await runReport(source.query, this.#language, request.signal);
      const { as_of: _asOf, lag_seconds: _lag, ...rest } = data;
      const figures = JSON.stringify(rest);
      changed = figures !== source.figures;
      Object.assign(source, { data, figures, problem: null });
    } catch (problem) {
      if (request.signal.aborted) {
        return;
      }
      changed = !source.data;
      source.problem = problem;
    } finally {
      source.request = null;
    }
    [...source.listeners].forEach((listener) => listener(source, changed));
    this.onSettled();
  }

  #schedule() {
    clearTimeout(this.#timer);
    const askedPause = Math.max(0, ...this.all.map((s) => s.problem?.retryAfterS ?? 0)) * 1000;
    const unreachable = this.all.some((source) => source.problem?.status === 0);
    const usual = unreachable ? RECONNECT_MS : REFRESH_MS;
    const pause = Math.min(Math.max(usual, askedPause), LONGEST_PAUSE_MS);
    this.#timer = setTimeout(() => {
      // A page nobody looks at asks nothing; it catches up when it is looked at again.
      if (!document.hidden) {
        this.refresh();
      }
    }, pause);
  }
}
