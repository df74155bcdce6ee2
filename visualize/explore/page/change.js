// Sliders that turn, enlarge and shift the photograph, and a grey square to drag over it.

import { find, make } from "./elements.js";
import { go, state } from "./state.js";

// Name -> [label, lowest, highest, step, where nothing is changed].
const SLIDERS = {
  turn: ["turn, degrees", -180, 180, 1, 0],
  zoom: ["enlarge, times", 0.5, 2, 0.01, 1],
  right: ["shift right", -0.5, 0.5, 0.01, 0],
  down: ["shift down", -0.5, 0.5, 0.01, 0],
};
const SQUARE = 1 / 5; // as visualize/explore/changes.py has it
const inputs = {};
let square = null;

// The key by which the server knows the photograph as it is shown.
export const photoKey = ({ photo, change }) => (change ? `${photo};${change}` : photo);

export function start() {
  for (const [name, [label, min, max, step, value]] of Object.entries(SLIDERS)) {
    const input = make("input", { type: "range", min, max, step, value, id: `change-${name}` });
    input.addEventListener("input", apply);
    inputs[name] = input;
    find("sliders").append(make("label", {}, make("span", {}, label), input));
  }
  find("cover").addEventListener("change", (event) => {
    square = event.target.checked ? [0.5, 0.5] : null;
    apply();
  });
  find("reset").addEventListener("click", () => go({ change: null }));
  find("photo").addEventListener("pointerdown", (event) => {
    if (!square) return;
    event.preventDefault();
    event.target.setPointerCapture(event.pointerId);
    drag(event);
  });
  find("photo").addEventListener("pointermove", (event) => {
    if (square && event.buttons) drag(event);
  });
}

export const isCovering = () => square !== null;

// Half a square from each border, so that it stays inside.
function drag(event) {
  const box = event.target.getBoundingClientRect();
  const share = (at, start, size) =>
    Math.min(1 - SQUARE / 2, Math.max(SQUARE / 2, (at - start) / size));
  square = [
    share(event.clientY, box.top, box.height),
    share(event.clientX, box.left, box.width),
  ];
  apply();
}

let waits = false;

function apply() {
  if (waits) return;
  waits = true;
  requestAnimationFrame(() => {
    waits = false;
    const parts = Object.entries(inputs)
      .filter(([name, input]) => Number(input.value) !== SLIDERS[name][4])
      .map(([name, input]) => `${name}=${input.value}`);
    if (square) parts.push(`y=${square[0].toFixed(3)}`, `x=${square[1].toFixed(3)}`);
    go({ change: parts.join(";") || null }, { replace: Boolean(state().change) });
  });
}

// Puts the sliders where the address says.
export function show({ change }) {
  const given = Object.fromEntries((change ?? "").split(";").map((part) => part.split("=")));
  for (const [name, input] of Object.entries(inputs)) {
    input.value = given[name] ?? SLIDERS[name][4];
  }
  square = given.y === undefined ? null : [Number(given.y), Number(given.x)];
  find("cover").checked = square !== null;
  if (change) find("changing").open = true;
}
