// Two explorers side by side. What one shows the other one follows, as far as is ticked.

import { find } from "./elements.js";

const frames = [...document.querySelectorAll("iframe")];
const [left, right] = frames;
const PHOTOGRAPH = ["photo", "change", "point"], UNIT = ["layer", "channel"], PLACE = ["y", "x"];

const stateOf = (frame) => new URLSearchParams(frame.contentWindow.location.hash.slice(1));

// A unit's place means the same in the same photograph alone.
function shared() {
  const photograph = find("same-photograph").checked, unit = find("same-unit").checked;
  return [...(photograph ? PHOTOGRAPH : []), ...(unit ? UNIT : []),
    ...(photograph && unit ? PLACE : [])];
}

function lead(from) {
  const to = from === left ? right : left;
  const given = stateOf(from), next = stateOf(to);
  for (const name of shared()) {
    if (given.has(name)) next.set(name, given.get(name));
    else next.delete(name);
  }
  to.contentWindow.dispatchEvent(new CustomEvent("follow", { detail: String(next) }));
  const both = new URLSearchParams(frames.map((frame) => [frame.title, stateOf(frame)]));
  history.replaceState(null, "", `#${both}`);
}

const about = await (await fetch("api/network")).json();
find("same-photograph").checked = about.beside;
const given = new URLSearchParams(location.hash.slice(1));
for (const frame of frames) {
  const page = frame === right && about.beside ? "beside/" : "./";
  // Without an address two networks see one photograph, and one network sees two.
  const photo = frame === right && !about.beside ? "photo=1" : "photo=0";
  frame.src = `${page}#${given.get(frame.title) ?? photo}`;
  frame.addEventListener("load", () => {
    frame.contentWindow.addEventListener("shown", () => lead(frame));
  });
}
for (const box of document.querySelectorAll("input")) {
  box.addEventListener("change", () => lead(left));
}
