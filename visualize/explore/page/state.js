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
  changed();
}

export function onChange(listener) {
  listeners.push(listener);
}

export function changed() {
  const now = state();
  for (const listener of listeners) listener(now);
}

window.addEventListener("popstate", changed);
