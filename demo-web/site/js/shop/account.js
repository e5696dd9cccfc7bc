// Who is signed in, and the form for it. There is no password and no server: it is a demo.

import { byId } from "../element.js";
import { closeDialog, openDialog } from "./dialog.js";
import { load, save } from "./saved.js";
import { toast } from "./toast.js";

const STORAGE_KEY = "shop.account";

/** Fires `signed-in` with `{ account: { id, email, firstName } }`, and `changed` when the visitor becomes somebody else. */
class Account extends EventTarget {
  #current = load(STORAGE_KEY);

  /** The account, or `null` while nobody is signed in. */
  get current() {
    return this.#current;
  }

  signIn(id, firstName) {
    this.#current = { id, email: id.includes("@") ? id : null, firstName: firstName || null };
    save(STORAGE_KEY, this.#current);
    this.dispatchEvent(new CustomEvent("signed-in", { detail: { account: this.#current } }));
    this.dispatchEvent(new Event("changed"));
  }

  /** The browser forgets who was signed in. */
  forget() {
    this.#current = null;
    save(STORAGE_KEY, null);
    this.dispatchEvent(new Event("changed"));
  }
}

export const account = new Account();

export function startAccount() {
  byId("sign-in-open").addEventListener("click", () => {
    byId("sign-in-form").reset();
    openDialog(byId("sign-in-dialog"));
  });
  byId("sign-in-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const id = byId("sign-in-id").value.trim();
    if (id === "") return;
    closeDialog();
    account.signIn(id, byId("sign-in-first-name").value.trim());
    toast(`Good evening, ${displayName(account.current)}.`);
  });
  account.addEventListener("changed", draw);
  draw();
}

function draw() {
  const { current } = account;
  byId("greeting").hidden = current === null;
  byId("account-name").textContent = current ? displayName(current) : "";
  byId("sign-in-open").textContent = current ? "Switch account" : "Sign in";
  byId("sign-in-title").textContent = current ? "Switch account" : "Sign in";
  byId("sign-in-lead").textContent = current
    ? `You are signed in as ${current.id}. Another account starts fresh on this device.`
    : "There is no password: it is a demo. What you did so far becomes part of the account.";
}

function displayName({ id, firstName }) {
  return firstName ?? id;
}
