/** One request to the services: how long it may take, and what a refusal says. */

const PATIENCE_MS = 30_000;

/** A refusal or fault as the API explains it (RFC 9457); `status` 0 means that nobody answered. */
export class Problem extends Error {
  constructor({
    status = 0,
    code = "",
    title = "",
    detail = "",
    requestId = "",
    retryAfterS = null,
  }) {
    super(detail || title);
    Object.assign(this, { status, code, title, detail, requestId, retryAfterS });
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
    code: document.code ?? "",
    title: document.title ?? response.statusText,
    detail: document.detail ?? "",
    requestId: document.request_id ?? response.headers.get("X-Request-ID") ?? "",
    retryAfterS: Number(response.headers.get("Retry-After")) || null,
  });
}

/** The answer, when it is a good one; everything else is thrown as a Problem. */
export async function send(url, { signal, ...options } = {}) {
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  const controller = new AbortController();
  for (const source of [timeout, signal]) {
    if (source?.aborted) {
      controller.abort(source.reason);
    }
    source?.addEventListener("abort", () => controller.abort(source.reason), { once: true });
  }
  let response;
  try {
    response = await fetch(url, {
      cache: "no-cache",
      credentials: "same-origin",
      ...options,
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
