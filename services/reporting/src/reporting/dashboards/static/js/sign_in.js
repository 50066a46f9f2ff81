/** Signing in: the form that stands in the board's place, and the name in the header. */

import { el, icon } from "./dom.js";
import { Formats } from "./format.js";
import { reasonOf } from "./states.js";

/** Why nobody was signed in, in the reader's words. */
function faultText({ problem, until }, words) {
  if (!problem) {
    return words.say("sign_in_missing");
  }
  if (problem.status === 401) {
    return words.say("sign_in_failed");
  }
  if (problem.status === 429) {
    return words.say("sign_in_too_many", { time: new Formats(words).moment(until) });
  }
  return problem.status === 0 ? words.say(`sign_in_${problem.title}`) : reasonOf(problem, words);
}

export class SignInForm {
  #words;
  #fault = null;
  #again = false;
  #isBusy = false;

  /** `signIn(username, password)` raises a Problem when it cannot be done. */
  constructor(place, signIn) {
    this.place = place;
    this.signIn = signIn;
    this.title = el("h1", { id: "sign-in-title" });
    this.subtitle = el("p", { class: "sign-in-subtitle" });
    this.reason = el("p", { class: "sign-in-reason", id: "sign-in-reason" });
    this.fault = el("p", { class: "sign-in-fault", id: "sign-in-fault", role: "alert" });
    this.usernameText = el("span");
    this.passwordText = el("span");
    const always = {
      required: true,
      spellcheck: "false",
      "aria-describedby": "sign-in-reason sign-in-fault",
    };
    this.username = el("input", {
      ...always,
      name: "username",
      type: "text",
      autocomplete: "username",
      autocapitalize: "none",
      maxlength: "200",
    });
    this.password = el("input", {
      ...always,
      name: "password",
      type: "password",
      autocomplete: "current-password",
      maxlength: "256",
    });
    this.button = el("button", { type: "submit", class: "button primary" });
    this.form = el(
      "form",
      {
        class: "sign-in card",
        "aria-labelledby": "sign-in-title",
        // The browser's own words would be in the browser's language.
        novalidate: true,
        onsubmit: (event) => this.#submit(event),
      },
      el("div", {}, this.title, this.subtitle),
      this.reason,
      el("label", { class: "field" }, this.usernameText, this.username),
      el("label", { class: "field" }, this.passwordText, this.password),
      this.fault,
      this.button,
    );
  }

  get isShown() {
    return this.form.isConnected;
  }

  /** `username` is whose session has ended; null when nobody was signed in. */
  show(words, username) {
    this.#again = username !== null;
    this.username.value = username ?? "";
    this.speak(words);
    this.place.replaceChildren(this.form);
    (username ? this.password : this.username).focus();
  }

  hide() {
    this.form.remove();
    this.form.reset();
    this.#tell(null);
  }

  /** Writes the texts, in whatever language it is now; what was typed stays. */
  speak(words) {
    this.#words = words;
    this.title.textContent = words.say("sign_in");
    this.subtitle.textContent = words.say("page_title");
    this.reason.textContent = this.#again ? words.say("sign_in_again") : "";
    this.usernameText.textContent = words.say("username");
    this.passwordText.textContent = words.say("password");
    this.#tell(this.#fault);
    this.#work(this.#isBusy);
  }

  #work(isBusy) {
    this.#isBusy = isBusy;
    this.form.setAttribute("aria-busy", String(isBusy));
    for (const input of [this.username, this.password]) {
      input.readOnly = isBusy;
    }
    // Not `disabled`: that would take the focus away from whoever pressed it.
    this.button.setAttribute("aria-disabled", String(isBusy));
    this.button.textContent = this.#words.say(isBusy ? "signing_in" : "sign_in");
  }

  #tell(fault) {
    this.#fault = fault;
    this.fault.textContent = fault ? faultText(fault, this.#words) : "";
    const isWrong = (input) => (fault?.problem ? fault.problem.status === 401 : !input.value);
    for (const input of [this.username, this.password]) {
      input.setAttribute("aria-invalid", String(Boolean(fault) && isWrong(input)));
    }
  }

  async #submit(event) {
    event.preventDefault();
    if (this.#isBusy) {
      return;
    }
    const [username, password] = [this.username.value.trim(), this.password.value];
    if (!username || !password) {
      this.#tell({});
      (username ? this.password : this.username).focus();
      return;
    }
    this.#tell(null);
    this.#work(true);
    try {
      await this.signIn(username, password);
    } catch (problem) {
      this.#refused(problem);
    } finally {
      this.#work(false);
    }
  }

  #refused(problem) {
    const waitMs = (problem.retryAfterS ?? 0) * 1000;
    this.#tell({ problem, until: new Date(Date.now() + waitMs).toISOString() });
    if (problem.status === 401) {
      this.password.focus();
      this.password.select();
    }
  }
}

/** Who is signed in, and the way out. */
export class SignedIn {
  #person = null;

  constructor(place, signOut) {
    this.place = place;
    this.name = el("span", { class: "account-name" });
    this.button = el("button", {
      type: "button",
      class: "button small",
      onclick: () => {
        this.button.setAttribute("aria-disabled", "true");
        signOut();
      },
    });
    place.append(el("span", { class: "account-person" }, icon("person"), this.name), this.button);
  }

  show(person, words) {
    this.#person = person;
    this.place.hidden = false;
    this.speak(words);
  }

  speak(words) {
    if (this.#person) {
      const { name, username } = this.#person;
      this.name.textContent = name;
      this.name.title = username;
      this.button.textContent = words.say("sign_out");
      // A narrow header has no room for the name.
      this.button.title = words.say("signed_in_as", { name });
    }
  }
}
