/**
 * Who is signed in, and the token that every question to the API brings.
 *
 * Where the API asks for no token, nothing of this happens: the first question goes out without
 * one and is answered.
 *
 * All tabs share one session, which they keep in the browser's storage and change only under a Web
 * Lock. A refresh token is good once, and its second use ends the session: tabs with copies of
 * their own, as sessionStorage gives to a duplicated tab, would sign each other out. An access
 * token that was only in memory would have to be fetched anew with every reload, and a reload that
 * is interrupted then loses the next refresh token. It adds nothing to what lies there: it is the
 * weaker of the two, and good for minutes.
 *
 * A script in this page could take the tokens from any place. What keeps them is that no other
 * script runs here: the content policy allows none inline and none from another host, and texts
 * are set as text. What is kept outlives the tab until somebody signs out, which ends the session
 * on the server and in all tabs, or until the server ends one that nobody uses. The password is
 * not kept.
 *
 * Browsers have locks only on https and on their own machine; elsewhere each tab has a session of
 * its own, in memory.
 */

import { Problem, send } from "./http.js";
import { Keep } from "./keep.js";

const TOKENS = "/channel/v1/sign-in/token";
const REVOCATION = "/channel/v1/sign-in/revoke";
const ME = "/channel/v1/me";

const LOCK = "fairway.session";
/** The page asks every fifteen seconds, so that a token is renewed while it is still good. */
const RENEWED_BEFORE_MS = 60_000;
const REVOCATION_PATIENCE_MS = 5_000;

/** One at a time: in all tabs where the browser can do that, else in this one. */
function chooseTurns() {
  if (navigator.locks) {
    return (work) => navigator.locks.request(LOCK, work);
  }
  let last = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => {});
    return turn;
  };
}

const isRefusedToken = (problem) => problem instanceof Problem && problem.status === 401;
/** An answer that stays the same; anything else may be otherwise the next time. */
const isFinal = ({ status }) => status >= 400 && status < 500 && status !== 408 && status !== 429;

function bringing(kept, { headers, ...options } = {}) {
  return {
    ...options,
    headers: kept ? { ...headers, Authorization: `Bearer ${kept.access}` } : headers,
  };
}

async function requestTokens(fields) {
  const response = await send(TOKENS, { method: "POST", body: new URLSearchParams(fields) });
  return response.json();
}

/** Where nobody answers, the session ends as an unused one does; nobody has its tokens any more. */
async function revoke(token) {
  try {
    await send(REVOCATION, {
      method: "POST",
      body: new URLSearchParams({ token }),
      keepalive: true,
      signal: AbortSignal.timeout(REVOCATION_PATIENCE_MS),
    });
  } catch {
    // As said.
  }
}

class Session {
  #keep = new Keep(Boolean(navigator.locks), () => this.#lookAgain());
  #inTurn = chooseTurns();
  #waiting = null;
  #username = null;

  /** Nobody is signed in, and something waits for it; it is told whose session ended, or null. */
  onNeeded = () => {};
  /** What waited goes on. */
  onSignedIn = () => {};
  /** Who it is: `{name, username}`. */
  onPerson = () => {};

  constructor() {
    // A page that comes back from the browser's cache has heard nothing meanwhile.
    addEventListener("pageshow", ({ persisted }) => persisted && this.#lookAgain());
  }

  /**
   * Sends a request as the person who is signed in. Where a token is needed and there is none, it
   * waits until somebody signs in, and is sent then.
   */
  async ask(url, options) {
    const kept = await this.#atHand();
    try {
      return this.#answered(kept, await send(url, bringing(kept, options)));
    } catch (problem) {
      if (!isRefusedToken(problem)) {
        throw problem;
      }
    }
    const renewed = (await this.#renew(kept)) ?? (await this.#untilSignedIn());
    try {
      return this.#answered(renewed, await send(url, bringing(renewed, options)));
    } catch (problem) {
      if (!isRefusedToken(problem)) {
        throw problem;
      }
      // A fresh token: the service has not heard of the account yet. Signing in again is no help.
      throw new Problem({ title: "not_accepted", requestId: problem.requestId });
    }
  }

  /** Raises a Problem when the name or the password is wrong, or when nobody answers. */
  async signIn(username, password) {
    const tokens = await requestTokens({ grant_type: "password", username, password });
    this.#goOn(await this.#inTurn(() => this.#write(tokens, username)));
  }

  /** Ends the session, here, in the other tabs and on the server. */
  signOut() {
    return this.#inTurn(async () => {
      const kept = await this.#keep.read();
      await this.#keep.write(null);
      if (kept) {
        await revoke(kept.refresh);
      }
    });
  }

  async #write({ access_token: access, refresh_token: refresh, expires_in: lifetimeS }, username) {
    const kept = { access, refresh, username, goodUntil: Date.now() + lifetimeS * 1000 };
    await this.#keep.write(kept);
    return kept;
  }

  /** Tokens that may still be good, or null: then the API says whether it needs one. */
  async #atHand() {
    const kept = await this.#keep.read();
    const leftMs = (kept?.goodUntil ?? 0) - Date.now();
    if (leftMs <= 0) {
      return null;
    }
    if (leftMs > RENEWED_BEFORE_MS) {
      return kept;
    }
    try {
      return await this.#renew(kept);
    } catch {
      return kept; // It is good for a little longer.
    }
  }

  /**
   * The tokens after these; null when there is no session any more. Whoever finds that they were
   * renewed while it waited for its turn takes those.
   */
  #renew(before) {
    return this.#inTurn(async () => {
      const kept = await this.#keep.read();
      if (!kept) {
        return null;
      }
      if (kept.access !== before?.access && kept.goodUntil > Date.now()) {
        return kept;
      }
      try {
        const tokens = await requestTokens({
          grant_type: "refresh_token",
          refresh_token: kept.refresh,
        });
        return await this.#write(tokens, kept.username);
      } catch (problem) {
        if (!isFinal(problem)) {
          throw problem;
        }
        await this.#keep.write(null);
        return null;
      }
    });
  }

  #untilSignedIn() {
    if (!this.#waiting) {
      let resolve;
      const promise = new Promise((settle) => {
        resolve = settle;
      });
      this.#waiting = { promise, resolve };
      this.onNeeded(this.#username);
      // Another tab may have signed in since this one looked.
      this.#lookAgain();
    }
    return this.#waiting.promise;
  }

  #goOn(kept) {
    if (this.#username !== null && kept.username !== this.#username) {
      location.reload(); // The figures on this page are another person's.
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = null;
    this.onSignedIn();
    waiting?.resolve(kept);
  }

  /** Another tab signed in or out, or renewed the tokens. */
  async #lookAgain() {
    const kept = await this.#keep.read();
    if (kept && this.#waiting) {
      this.#goOn(kept);
    } else if (!this.#waiting && this.#username !== null && kept?.username !== this.#username) {
      location.reload();
    }
  }

  #answered(kept, response) {
    if (this.#username === null && kept) {
      this.#username = kept.username;
      this.#introduce(kept);
    }
    return response;
  }

  async #introduce(kept) {
    let me = { account: { username: kept.username } };
    try {
      me = await (await send(ME, bringing(kept))).json();
    } catch {
      // The name that was typed will do.
    }
    if (me.account) {
      const { username } = me.account;
      this.onPerson({ name: me.employee?.name ?? username, username });
    }
  }
}

export const session = new Session();
