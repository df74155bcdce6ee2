// What the page shows is its address: back, forward and a copied address work.

const listeners = [];

export function state() {
  const found = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  for (const name of ["channel", "y", "x"]) {
    if (name in found) found[name] = Number(found[name]);
  }
  return found;
}

export function go(changes, { replace = false } = {}) {
  const next = { ...state(), ...changes };
  const kept = Object.entries(next).filter(([, value]) => value !== null && value !== undefined);
  const hash = `#${new URLSearchParams(kept)}`;
  if (hash === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", hash);
  changedHere();
}

export function onChange(listener) {
  listeners.push(listener);
}

export function changed() {
  const now = state();
  for (const listener of listeners) listener(now);
}

// The page around two explorers listens, and lets the other one follow.
function changedHere() {
  changed();
  window.dispatchEvent(new Event("shown"));
}

window.addEventListener("popstate", changedHere);
window.addEventListener("follow", ({ detail }) => {
  if (`#${detail}` === location.hash) return;
  history.replaceState(null, "", `#${detail}`);
  changed();
});
