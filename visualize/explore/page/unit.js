// One unit: its projections, strongest images, what feeds it and what occlusion does.

import { ask, cancel, pictureOf } from "./api.js";
import { busy, find, make, number, percent, picture, plainName, say } from "./elements.js";
import { save } from "./save.js";
import { showField } from "./side.js";
import { go } from "./state.js";

const METHODS = {
  deconvnet: "deconvnet",
  guided: "guided backpropagation",
  gradient: "gradient",
};
const PANELS = ["unit", "fed by", "strongest", "occlusion", "point", ...Object.keys(METHODS)];
const closed = new Set(["occlusion"]); // parts that wait until they are opened
// The channel looked at last and its strongest images, whatever the photograph.
let searched = { key: null, found: null };
let network;

export function start(about) {
  network = about;
}

export function clear() {
  cancel(...PANELS);
  find("unit").replaceChildren();
  document.body.classList.remove("has-unit");
  showField(null);
}

const heading = (title) => make("div", { className: "head" }, make("h2", {}, title), closing());

function closing() {
  const button = make("button", { type: "button", "aria-label": "Close" }, "×");
  button.addEventListener("click", () =>
    go({ layer: null, channel: null, y: null, x: null, point: null }));
  return button;
}

export async function show(now, photograph) {
  cancel(...PANELS);
  document.body.classList.add("has-unit");
  const { layer, channel, y, x } = now;
  const path = `photographs/${encodeURIComponent(photograph.photo)}`;
  const found = await busy(find("unit"), () =>
    ask("unit", `${path}/unit`, { layer, channel, y, x }));
  const shown = network.layers.find((one) => one.layer === layer);
  showField(found.box);
  const [top, left, bottom, right] = found.box;
  const place = shown.shape[0] * shown.shape[1] > 1 ? ` at (${found.position.join(", ")})` : "";
  const name = layer === network.answer ? className(photograph, channel) : "";
  const title = shown.title[0].toUpperCase() + shown.title.slice(1);
  find("unit").replaceChildren(
    heading(`${title}, channel ${channel}${name}`),
    make("p", { className: "facts" },
      `unit${place}, activation ${number(found.activation)}; ` +
      `sees ${right - left}×${bottom - top} pixels`));
  say(`${shown.title}, channel ${channel}, activation ${number(found.activation)}`);
  const unit = { layer, channel, y: found.position[0], x: found.position[1] };
  await projections(path, unit, found);
  find("unit").append(saving(now, photograph, found));
  fedBy(path, unit);
  if (network.parts.includes("strongest") && !found.refusal) strongest(unit);
  if (network.parts.includes("occlusion")) occlusion(path, unit, photograph);
}

function className(photograph, channel) {
  const one = photograph.classes.find((known) => known.channel === channel);
  return one ? `, ${plainName(one.name)}` : "";
}

// Each method's picture comes when it is ready; `found.projections` keeps them.
async function projections(path, unit, found) {
  if (found.refusal) {
    find("unit").append(make("p", { className: "refusal" },
      `This unit cannot be projected: ${found.refusal}`));
    return;
  }
  if (!found.activation) {
    find("unit").append(
      make("div", { className: "pictures" },
        captioned(picture(found.patch, "image patch"), "what it sees")),
      make("p", { className: "refusal" }, "The unit is not active here: nothing to project."));
    return;
  }
  const places = Object.keys(METHODS).map((method) =>
    captioned(make("img", { alt: `projection by ${METHODS[method]}` }), METHODS[method]));
  find("unit").append(make("div", { className: "pictures" },
    captioned(picture(found.patch, "image patch"), "what it sees"), ...places));
  found.projections = {};
  await Promise.all(Object.keys(METHODS).map((method, index) =>
    busy(places[index], async () => {
      const { picture: src } = await ask(method, `${path}/projection`, { ...unit, method });
      places[index].firstChild.src = found.projections[method] = src;
    })));
}

const captioned = (image, text) => make("figure", {}, image, make("figcaption", {}, text));

function saving(now, photograph, found) {
  const button = (text, kind) => {
    const one = make("button", { type: "button" }, text);
    one.addEventListener("click", () => save(kind, now, photograph, found));
    return one;
  };
  const copy = make("button", { type: "button" }, "Copy");
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(found.snippet);
    say("copied");
  });
  const row = make("div", { className: "row" },
    button("Save PNG", "png"), button("Save JSON", "json"));
  if (!found.snippet) return row;
  return make("div", {}, row, make("details", {}, make("summary", {}, "The same in Python"),
      make("pre", {}, found.snippet), copy));
}

// Adds a part to the panel that fills itself once it is open.
function part(title, panel, work) {
  const body = make("div");
  const section = make("details", { className: "part", open: !closed.has(panel) },
    make("summary", {}, title), body);
  section.dataset.part = panel;
  const fill = () => busy(body, async () => {
    try {
      body.replaceChildren(...await work(body));
    } catch (error) {
      if (error.name === "AbortError") return;
      body.replaceChildren(make("p", { className: "refusal" }, error.message));
    }
  });
  section.addEventListener("toggle", () => {
    closed[section.open ? "delete" : "add"](panel);
    if (section.open && !body.hasChildNodes()) fill();
  });
  find("unit").append(section);
}

function fedBy(path, unit) {
  return part("Fed by", "fed by", async () => {
    const found = await ask("fed by", `${path}/fed-by`, unit);
    if (!found.length) {
      const isLowest = unit.layer === network.layers[0].layer;
      const why = isLowest ? "By the pixels." : "By nothing: the unit is not active here.";
      return [make("p", { className: "hint" }, why)];
    }
    const below = network.layers.find((one) => one.layer === found[0].layer);
    const rows = found.map((one) => {
      const bar = make("span");
      bar.style.width = `${Math.min(100, Math.abs(100 * one.share))}%`;
      const button = make("button", {
        type: "button", className: one.share < 0 ? "against" : "",
      }, make("span", {}, `channel ${one.channel}`),
      make("span", { className: "track" }, bar),
      make("span", { className: "share" }, percent(one.share)));
      button.addEventListener("click", () => go({
        layer: one.layer, channel: one.channel, y: one.position[0], x: one.position[1],
      }));
      return make("li", {}, button);
    });
    return [make("p", { className: "facts" }, `channels of ${below.title}`),
      make("ul", { className: "shares" }, ...rows)];
  });
}

function strongest(unit) {
  const title = `Strongest of ${network.searched} images`;
  return part(title, "strongest", async (body) => {
    const key = `${unit.layer} ${unit.channel}`;
    if (searched.key !== key) searched = { key, found: await search(unit, body) };
    const { found } = searched;
    if (!found.images.length) return [make("p", {}, "No image activates this channel.")];
    return [make("ol", { className: "pairs" }, ...found.images.map((one) => {
      const text = `${number(one.activation)} ${plainName(one.class_name ?? "")}`;
      return make("li", { title: one.name },
        make("div", { className: "pair" }, picture(one.patch, `patch of ${one.name}`),
          picture(one.projection, "its projection")),
        make("figcaption", {}, text));
    }))];
  });
}

// Asks until the search over all images is done, with a bar meanwhile.
async function search(unit, body) {
  const bar = make("progress", { max: 1, "aria-label": "search" });
  for (;;) {
    const found = await ask("strongest", "strongest", unit);
    if (found.images) return found;
    bar.value = found.done / found.total;
    if (!bar.isConnected) body.append(bar);
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
}

function occlusion(path, unit, photograph) {
  return part("What a grey square takes away", "occlusion", async () => {
    const best = photograph.classes[0];
    const label = unit.layer === network.answer ? unit.channel : best.channel;
    const { layer, channel } = unit;
    const found = await ask("occlusion", `${path}/occlusion`, { layer, channel, label });
    const range = ([low, high], show) => `from ${show(low)} to ${show(high)}`;
    const below = await pictureOf(photograph.photo);
    const under = (map, alt) =>
      make("div", { className: "under" }, picture(below, ""), picture(map, alt));
    return [make("div", { className: "pictures" },
      make("figure", {}, under(found.activation_map, "activation by place of the square"),
        make("figcaption", {},
          `channel ${channel}: ${range(found.activation_range, number)}`)),
      make("figure", {}, under(found.probability_map, "probability by place of the square"),
        make("figcaption", {},
          `${plainName(found.class_name)}: ${range(found.probability_range, percent)}`))),
    make("p", { className: "hint" }, "Dark: with the square there, little is left.")];
  });
}

export async function showPoint(now, photograph) {
  cancel(...PANELS);
  document.body.classList.add("has-unit");
  const [y, x] = now.point.split(",").map(Number);
  const found = await busy(find("unit"), () =>
    ask("point", `photographs/${encodeURIComponent(photograph.photo)}/point`, { y, x }));
  showField([y - 1, x - 1, y + 1, x + 1]);
  const lists = network.layers.map((layer) => {
    const units = found.filter((one) => one.layer === layer.layer);
    if (!units.length) return null;
    return make("div", {}, make("h3", {}, layer.title), make("div", { className: "row" },
      ...units.map((one) => {
        const button = make("button", { type: "button" },
          `channel ${one.channel}: ${number(one.activation)}`);
        button.addEventListener("mouseenter", () => showField(one.box));
        button.addEventListener("focus", () => showField(one.box));
        button.addEventListener("click", () => go({
          layer: one.layer, channel: one.channel,
          y: one.position[0], x: one.position[1], point: null,
        }));
        return button;
      })));
  });
  find("unit").replaceChildren(heading("Units that answer here"),
    make("p", { className: "facts" }, `pixel (${Math.round(y)}, ${Math.round(x)})`),
    ...lists.filter((one) => one !== null));
}
