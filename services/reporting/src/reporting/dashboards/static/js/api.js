/** The reporting API. Every figure on the page comes through here. */

import { session } from "./session.js";

const REPORTS = "/reporting/v1/reports";

function get(url, { accept, language, signal }) {
  return session.ask(url, { headers: { Accept: accept, "Accept-Language": language }, signal });
}

/** What a query asks, as an address: `{report, groupBy, from, to, filters}`. */
export function addressOf({ report, groupBy, from, to, filters = {} }) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries({ group_by: groupBy, from, to, ...filters })) {
    if (value) {
      parameters.set(name, value);
    }
  }
  const asked = parameters.toString();
  return `${REPORTS}/${report}${asked ? `?${asked}` : ""}`;
}

export async function listReports(language, signal) {
  const response = await get(REPORTS, { accept: "application/json", language, signal });
  return (await response.json()).data;
}

export async function runReport(query, language, signal) {
  const response = await get(addressOf(query), { accept: "application/json", language, signal });
  return response.json();
}

export async function fetchCsv(query, language) {
  const response = await get(addressOf(query), { accept: "text/csv", language });
  return response.blob();
}
