// Joins the address, the photograph, the layers and the unit.

import { ask } from "./api.js";
import * as change from "./change.js";
import { busy, find } from "./elements.js";
import * as side from "./side.js";
import { changed, go, onChange, state } from "./state.js";
import * as strips from "./strips.js";
import * as unit from "./unit.js";

let photograph = null;

function trouble(error) {
  if (error.name === "AbortError") return;
  find("trouble").textContent = error.message;
  find("trouble").hidden = false;
}

async function show(now) {
  find("trouble").hidden = true;
  try {
    change.show(now);
    const key = change.photoKey(now);
    if (photograph?.photo !== key) {
      photograph = null;
      const found = await busy(find("layers"), () =>
        ask("photograph", `photographs/${encodeURIComponent(key)}`));
      if (change.photoKey(state()) !== key) return;
      photograph = found;
      side.show(found);
      strips.show(found);
    }
    strips.mark(now);
    if (now.layer !== undefined) await unit.show(now, photograph);
    else if (now.point !== undefined) await unit.showPoint(now, photograph);
    else unit.clear();
  } catch (error) {
    trouble(error);
  }
}

document.addEventListener("trouble", (event) => trouble(event.detail));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    go({ layer: null, channel: null, y: null, x: null, point: null });
  }
});

try {
  const about = await ask("network", "network");
  const name = about.model.split("/").pop();
  document.title = find("title").textContent = `Explorer: ${name}`;
  find("about").textContent = `${about.classes} classes, sees ` +
    `${about.input[1]}×${about.input[0]} pixels; data: ${about.data}` +
    (about.rules === "paper" ? "" : `; projected by ${about.rules} rules, not the paper's`);
  find("pair").hidden = about.beside === undefined || window.parent !== window;
  for (const one of [side, change, strips, unit]) one.start(about)?.catch?.(trouble);
  onChange(show);
  if (state().photo === undefined) go({ photo: "0" }, { replace: true });
  else changed();
} catch (error) {
  trouble(error);
}
