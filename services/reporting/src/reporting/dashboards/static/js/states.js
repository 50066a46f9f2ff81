/** How fresh the figures are, and what went wrong, in the reader's words. */

import { el } from "./dom.js";
import { Formats } from "./format.js";

/** Events usually arrive within ten seconds; minutes behind deserve attention, an hour an alarm. */
const FRESH_S = 10;
const LATE_S = 300;

export function levelOf(lagSeconds) {
  return lagSeconds <= FRESH_S ? "fresh" : lagSeconds <= LATE_S ? "behind" : "late";
}

export function reasonOf(problem, words) {
  if (problem.status === 0) {
    const key = `problem_${problem.title}`;
    return words.has(key) ? words.say(key) : problem.message;
  }
  return [problem.title, problem.detail].filter(Boolean).join(" · ") || `HTTP ${problem.status}`;
}

function lagText(seconds, formats, words) {
  return seconds < 1 ? words.say("lag_none") : words.say("lag", { lag: formats.lag(seconds) });
}

export function showFreshness(place, source, words) {
  if (!source?.data?.as_of) {
    place.replaceChildren(source?.data ? words.say("status_none") : "");
    place.dataset.level = "none";
    return;
  }
  const formats = new Formats(words);
  const { as_of: asOf, lag_seconds: lag } = source.data;
  place.dataset.level = source.problem ? "late" : levelOf(lag);
  const asOfText = el(
    "time",
    { datetime: asOf, title: formats.momentInFull(asOf) },
    words.say("as_of", { time: formats.moment(asOf) }),
  );
  const rest = source.problem
    ? words.say("problem_stale", { reason: reasonOf(source.problem, words) })
    : lagText(lag, formats, words);
  place.replaceChildren(
    el("span", { class: "dot", "aria-hidden": "true" }),
    asOfText,
    ` · ${rest}`,
  );
}

/** The header tells the worst of what the page shows. */
export function showStatus(status, text, sources, words) {
  const formats = new Formats(words);
  const answered = sources.filter((source) => source.data?.as_of);
  const failing = sources.some((source) => source.problem);
  if (answered.length === 0) {
    const waiting =
      sources.length === 0 || sources.some((source) => !source.data && !source.problem);
    status.dataset.level = failing ? "late" : waiting ? "loading" : "none";
    text.textContent = words.say(waiting && !failing ? "status_loading" : "status_none");
    return;
  }
  const oldest = answered.map((source) => source.data.as_of).sort()[0];
  const lag = Math.max(...answered.map((source) => source.data.lag_seconds));
  const time = formats.moment(oldest);
  status.dataset.level = failing ? "late" : levelOf(lag);
  status.title = formats.momentInFull(oldest);
  text.textContent = failing
    ? words.say("status_problem", { time })
    : words.say("status", { time, lag: lagText(lag, formats, words) });
}
