/**
 * One value that all tabs of this browser keep together.
 *
 * It is in IndexedDB, because localStorage is not the same in all tabs at the same time: a tab may
 * still read the old value after another one has written, even when they take turns.
 */

const DATABASE = "fairway";
const STORE = "kept";
const KEY = "session";

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Opened for each use: an open connection ends when the reader clears the data of the site. */
async function run(mode, act) {
  const database = await opened();
  try {
    const transaction = database.transaction(STORE, mode);
    const request = act(transaction.objectStore(STORE));
    return await new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

export class Keep {
  #isShared;
  #here = null;
  #others;

  /** Not shared, it is only in this tab's memory. `onChanged`: another tab wrote. */
  constructor(isShared, onChanged) {
    this.#isShared = isShared;
    this.#others = new BroadcastChannel(`${DATABASE}.${KEY}`);
    this.#others.onmessage = () => isShared && onChanged();
  }

  /** The value, or null. */
  async read() {
    if (this.#isShared) {
      try {
        return (await run("readonly", (store) => store.get(KEY))) ?? null;
      } catch {
        this.#isShared = false; // Storage may be forbidden by the browser; a reload then signs out.
      }
    }
    return this.#here;
  }

  /** Null forgets the value. When it returns, every tab reads the new one. */
  async write(value) {
    this.#here = value;
    if (this.#isShared) {
      await run("readwrite", (store) => (value ? store.put(value, KEY) : store.delete(KEY)));
      this.#others.postMessage("changed");
    }
  }
}
