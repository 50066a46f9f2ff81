/** The page's own words; the words of reports and columns come from the API in both languages. */

const LANGUAGES = ["zh", "en"];
const REMEMBERED = "fairway.language";

function firstKnown(candidates) {
  for (const candidate of candidates) {
    const language = (candidate ?? "").toLowerCase().split("-")[0];
    if (LANGUAGES.includes(language)) {
      return language;
    }
  }
  return "en";
}

function remembered() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null; // Storage may be forbidden by the browser; the page works without it.
  }
}

/** `?lang=` wins, then what was chosen before, then the browser. */
export function initialLanguage() {
  const asked = new URLSearchParams(location.search).get("lang");
  return firstKnown([asked, remembered(), ...navigator.languages]);
}

export function rememberLanguage(language) {
  try {
    localStorage.setItem(REMEMBERED, language);
  } catch {
    // As above.
  }
}

/** The regional flavour the reader's browser asks for, within the chosen language. */
export function localeOf(language) {
  const preferred = navigator.languages.find((tag) => tag.toLowerCase().split("-")[0] === language);
  return preferred ?? (language === "zh" ? "zh-CN" : "en");
}

export class Words {
  #texts = {};

  async load(language) {
    const response = await fetch(`/reporting/dashboard/static/i18n/${language}.json`);
    if (!response.ok) {
      throw new Error(`i18n/${language}.json: HTTP ${response.status}`);
    }
    this.#texts = await response.json();
    this.language = language;
    this.locale = localeOf(language);
  }

  has(key) {
    return key in this.#texts;
  }

  /** The text of a key with `{name}` filled in. */
  say(key, values = {}) {
    const text = this.#texts[key] ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
  }

  /** A text the API sends in both languages. */
  of(texts) {
    return typeof texts === "string" ? texts : (texts?.[this.language] ?? texts?.en ?? "");
  }

  /** Fills in the static parts of the page. */
  apply(root) {
    for (const node of root.querySelectorAll("[data-i18n]")) {
      node.textContent = this.say(node.dataset.i18n);
    }
    for (const node of root.querySelectorAll("[data-i18n-label]")) {
      node.setAttribute("aria-label", this.say(node.dataset.i18nLabel));
    }
  }
}
