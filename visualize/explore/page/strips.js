// Each layer as a strip of its channels' maps, the strongest first; as bars where a map
// is one number.

import { ask } from "./api.js";
import { barButton, busy, find, make, number, percent, picture, plainName } from "./elements.js";
import { go } from "./state.js";

const MORE = 48;
let network;

export function start(about) {
  network = about;
}

export function show(found) {
  const shown = Object.fromEntries(network.layers.map((one) => [one.layer, one]));
  find("layers").replaceChildren(...found.layers.map(({ layer, channels }) =>
    strip(found.photo, shown[layer], channels)));
}

function strip(photo, layer, channels) {
  const [height, width, count] = layer.shape;
  const [tall, wide] = layer.field;
  const sees = layer.knows_field ? `, each unit sees ${wide}×${tall} pixels` : "";
  const areMaps = height * width > 1, strongest = channels[0]?.activation;
  const maps = areMaps ? ` of ${width}×${height}` : "";
  const tiles = make("ul", { className: areMaps ? "tiles" : "tiles bars" });
  tiles.style.setProperty("--ratio", `${width} / ${height}`);
  const rest = make("button", { type: "button", className: "rest" }, "more");
  const end = make("li", { className: "rest" }, rest);
  let first = 0;
  const add = (some) => {
    end.remove();
    tiles.append(...some.map((one) => tile(layer, one, areMaps ? null : strongest)));
    first += some.length;
    if (first < count) tiles.append(end);
  };
  rest.addEventListener("click", () => busy(end, async () => {
    const path = `photographs/${encodeURIComponent(photo)}/channels`;
    add(await ask(`strip ${layer.layer}`, path, { layer: layer.layer, first, count: MORE }));
  }));
  add(channels);
  return make("section", { className: "strip" },
    make("h2", {}, capital(layer.title)),
    make("p", { className: "facts" }, `${count} channels${maps}${sees}`),
    tiles);
}

// `strongest`: the activation that fills a bar, or null for a map.
function tile(layer, one, strongest) {
  const label = one.name ? plainName(one.name) : `channel ${one.channel}`;
  const value = one.name ? percent(one.activation) : number(one.activation);
  const properties = {
    type: "button", className: "tile", title: label,
    "aria-label": `${layer.title}, ${label}, activation ${value}`,
  };
  const map = picture(one.map, "");
  const button = strongest === null
    ? make("button", properties, map, make("span", { className: "number" },
      make("b", {}, String(one.channel)), make("span", {}, value)))
    : barButton(properties, one.activation / strongest, label, value);
  button.dataset.unit = `${layer.layer} ${one.channel}`;
  button.addEventListener("click", (event) => {
    const at = event.target === map ? placeIn(map, layer.shape, event) : one.position;
    go({ layer: layer.layer, channel: one.channel, y: at[0], x: at[1], point: null });
  });
  return make("li", {}, button);
}

// The unit of the map that was clicked.
function placeIn(map, [height, width], event) {
  const box = map.getBoundingClientRect();
  const along = (at, start, size, count) =>
    Math.min(count - 1, Math.max(0, Math.floor(((at - start) / size) * count)));
  return [
    along(event.clientY, box.top, box.height, height),
    along(event.clientX, box.left, box.width, width),
  ];
}

export function mark({ layer, channel }) {
  for (const button of find("layers").querySelectorAll(".tile")) {
    button.setAttribute("aria-current", String(button.dataset.unit === `${layer} ${channel}`));
  }
}

const capital = (text) => text[0].toUpperCase() + text.slice(1);
