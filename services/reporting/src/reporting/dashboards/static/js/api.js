/** The reporting API. Every figure on the page comes through here. */

const REPORTS = "/reporting/v1/reports";
const PATIENCE_MS = 30_000;

/** A refusal or fault as the API explains it (RFC 9457); `status` 0 means that nobody answered. */
export class Problem extends Error {
  constructor({ status = 0, title = "", detail = "", requestId = "", retryAfterS = null }) {
    super(detail || title);
    Object.assign(this, { status, title, detail, requestId, retryAfterS });
  }
}

async function problemOf(response) {
  let document = {};
  try {
    document = await response.json();
  } catch {
    // A proxy in between may answer with something else; the status still tells.
  }
  return new Problem({
    status: response.status,
    title: document.title ?? response.statusText,
    detail: document.detail ?? "",
    requestId: document.request_id ?? response.headers.get("X-Request-ID") ?? "",
    retryAfterS: Number(response.headers.get("Retry-After")) || null,
  });
}

async function get(url, { accept, language, signal }) {
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  const controller = new AbortController();
  for (const source of [timeout, signal]) {
    source?.addEventListener("abort", () => controller.abort(source.reason), { once: true });
  }
  let response;
  try {
    response = await fetch(url, {
      headers: { Accept: accept, "Accept-Language": language },
      cache: "no-cache",
      credentials: "same-origin",
      signal: controller.signal,
    });
  } catch (error) {
    if (signal?.aborted) {
      throw error;
    }
    throw new Problem({ title: timeout.aborted ? "timeout" : "unreachable" });
  }
  if (!response.ok) {
    throw await problemOf(response);
  }
  return response;
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
