// Answers what the server would, with the network that is written into the page. It
// takes the place of api.js in a page that was exported.

import { Engine, like } from "./engine.js";
import { floats, halves } from "./numbers.js";
import * as pixels from "./pixels.js";

const AT_POINT = 4, FEEDING = 8, STRIP = 13, LOOKS = 4, TOP_CLASSES = 5, SHOWN = 448;
const { about, network, photographs } = JSON.parse(
  document.getElementById("network").textContent,
);
const engine = new Engine(network.layers.map((layer) => ({
  ...layer,
  ...(layer.kernel && { kernel: halves(layer.kernel), bias: floats(layer.bias) }),
})));
const mean = floats(network.mean);
const number = Object.fromEntries(about.layers.map(({ layer, name }) =>
  [layer, engine.layers.findIndex((one) => one.name === name)]));
const dropped = new Map(), looks = new Map(), newest = new Map();

export class Refused extends Error {}

export function cancel(...panels) {
  for (const panel of panels) newest.delete(panel);
}

// A newer question of the same panel takes the place of the older one.
export async function ask(panel, path, parameters = {}) {
  const turn = {};
  newest.set(panel, turn);
  await new Promise((resolve) => setTimeout(resolve)); // the page is drawn first
  if (newest.get(panel) !== turn) throw new DOMException("superseded", "AbortError");
  const [what, key, detail] = path.split("/");
  if (what === "network") return about;
  if (key === undefined) return list(parameters);
  const look = await lookAt(decodeURIComponent(key));
  if (newest.get(panel) !== turn) throw new DOMException("superseded", "AbortError");
  return (ANSWERS[detail] ?? photograph)(look, parameters);
}

export async function send(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Refused(`${file.name || "the file"} is not an image that the browser reads`);
  }
  const photo = `p${dropped.size}`;
  dropped.set(photo, { name: file.name || "pasted", source: pixels.read(bitmap) });
  return { photo };
}

export const pictureOf = async (key) => (await prepared(key)).picture();

function list({ first, count }) {
  return photographs.slice(first, first + count).map(({ name, class_name }, place) =>
    ({ photo: String(first + place), name, class_name }));
}

async function source(photo) {
  if (dropped.has(photo)) return dropped.get(photo);
  const one = photographs[photo];
  if (!one) throw new Refused("This photograph is not here any more: drop it again.");
  const image = new Image();
  image.src = one.picture;
  await image.decode();
  return { ...one, source: pixels.read(image) };
}

// Runs the network on a photograph, and keeps the last results.
async function lookAt(key) {
  if (!looks.has(key)) {
    const { square, view, names } = await prepared(key);
    looks.set(key, { key, ...names, view, kept: engine.run(normalized(square, view)) });
    if (looks.size > LOOKS) looks.delete(looks.keys().next().value);
  }
  return looks.get(key);
}

// Cuts a photograph to what the network sees, and changes it as its key says.
async function prepared(key) {
  const [photo, ...parts] = key.split(";"), { input, image } = network;
  const change = Object.fromEntries(parts.map((part) => {
    const [name, value] = part.split("=");
    return [name, Number(value)];
  }));
  const { source: whole, ...names } = await source(photo);
  const inRgb = (c) => (network.is_bgr ? 2 - c : c);
  const enlarged = (size, times) => size.map((side) => side * times);
  const fitted = (times, ground) => {
    const found = pixels.centreFit(whole, enlarged(image, times));
    return parts.length ? pixels.changed(found, enlarged(input, times), ground, change) : found;
  };
  const square = fitted(1, (pixel, c) => mean[pixel * 3 + inRgb(c)]);
  const grey = mean.reduce((a, b) => a + b) / mean.length;
  const times = Math.ceil(SHOWN / Math.max(...input));
  const picture = () => pixels.uri(
    pixels.centreCut(fitted(times, () => grey), enlarged(input, times)), "image/jpeg");
  return { square, names, picture, view: pixels.centreCut(square, input) };
}

function normalized(square, view) {
  const top = (square.height - view.height) >> 1, left = (square.width - view.width) >> 1;
  const found = like({ ...view, channels: 3 });
  for (let y = 0, at = 0; y < view.height; y++) {
    for (let x = 0; x < view.width; x++) {
      for (let c = 0; c < 3; c++, at++) {
        const from = network.is_bgr ? at + 2 - 2 * c : at;
        const place = ((top + y) * square.width + left + x) * 3 + c;
        found.values[at] = (view.values[from] - mean[place]) * network.scale[c];
      }
    }
  }
  return found;
}

const output = (look, layer) => look.kept[number[layer]].output;

// The channels of a layer by their strongest activation, and where that is.
function ranked({ height, width, channels, values }) {
  const found = Array.from({ length: channels }, (_, channel) => {
    let best = 0;
    for (let place = 1; place < height * width; place++) {
      if (values[place * channels + channel] > values[best * channels + channel]) best = place;
    }
    return {
      channel, activation: values[best * channels + channel],
      position: [Math.floor(best / width), best % width],
    };
  });
  return found.sort((a, b) => b.activation - a.activation || a.channel - b.channel);
}

function photograph(look) {
  const shares = ranked(output(look, about.answer)).slice(0, TOP_CLASSES);
  return {
    photo: look.key, name: look.name, class_name: look.class_name ?? null,
    classes: shares.map(({ channel, activation }) =>
      ({ channel, name: network.class_names[channel], probability: activation })),
    layers: about.layers.map(({ layer }) =>
      ({ layer, channels: channels(look, { layer, first: 0, count: STRIP }) })),
  };
}

function channels(look, { layer, first, count }) {
  const map = output(look, layer), order = ranked(map);
  const low = Math.min(0, map.values.reduce((a, b) => Math.min(a, b))), high = order[0].activation;
  return order.slice(first, first + count).map((one) => ({
    ...one,
    name: layer === about.answer ? network.class_names[one.channel] : null,
    map: pixels.uri(pixels.grey(map, one.channel, low, high)),
  }));
}

// The unit that is meant; without a place the channel's strongest.
function unitOf(look, { layer, channel, y, x }) {
  const map = output(look, layer);
  const position = y === null || y === undefined
    ? ranked(map).find((one) => one.channel === channel).position : [y, x];
  const place = (position[0] * map.width + position[1]) * map.channels + channel;
  return { layer, channel, position, activation: map.values[place], box: boxOf(layer, position) };
}

function boxOf(layer, position) {
  const { spans } = about.layers.find((one) => one.layer === layer);
  const [rows, columns] = spans.map(({ start, size, stride }, axis) => {
    const begin = start + position[axis] * stride, end = network.input[axis];
    return [begin, begin + size].map((at) => Math.min(end, Math.max(0, at)));
  });
  return [rows[0], columns[0], rows[1], columns[1]];
}

function unit(look, asked) {
  const found = unitOf(look, asked);
  return { ...found, patch: pixels.uri(pixels.cut(look.view, found.box)), refusal: null, snippet: null };
}

function projection(look, { layer, channel, y, x, method }) {
  const found = engine.project(look.kept, number[layer], { y, x, channel }, method);
  if (network.is_bgr) {
    for (let i = 0; i < found.values.length; i += 3) found.values.subarray(i, i + 3).reverse();
  }
  const { box } = unitOf(look, { layer, channel, y, x });
  return { picture: pixels.uri(pixels.cut(pixels.signed(found), box)) };
}

// Activation x derivative, by channel of the layer below, as ExploredNetwork.fed_by.
function fedBy(look, { layer, channel, y, x }) {
  const at = about.layers.findIndex((one) => one.layer === layer);
  if (at === 0) return [];
  const below = about.layers[at - 1].layer, lower = output(look, below);
  const top = output(look, layer), seed = like(top);
  const place = (y * top.width + x) * top.channels + channel;
  if (layer === about.answer) top.values.forEach((p, i) => { seed.values[i] = -p; });
  seed.values[place] += 1;
  const signal = engine.descend(look.kept, number[layer], seed, "gradient", number[below]);
  const parts = { ...lower, values: lower.values.map((a, i) => a * signal.values[i]) };
  const sums = new Float32Array(lower.channels);
  parts.values.forEach((value, i) => { sums[i % lower.channels] += value; });
  const whole = sums.reduce((sum, one) => sum + Math.max(0, one), 0) || 1;
  const best = [...sums.keys()].filter((c) => sums[c] !== 0)
    .sort((a, b) => Math.abs(sums[b]) - Math.abs(sums[a])).slice(0, FEEDING);
  const places = ranked({ ...parts, values: parts.values.map(Math.abs) });
  return best.map((c) => {
    const { position } = places.find((one) => one.channel === c);
    return { ...unitOf(look, { layer: below, channel: c, y: position[0], x: position[1] }), share: sums[c] / whole };
  });
}

function point(look, { y, x }) {
  return about.layers.filter(({ shape }) => shape[0] * shape[1] > 1).flatMap(({ layer, shape, spans }) => {
    const position = [y, x].map((at, axis) => nearest(spans[axis], shape[axis], network.input[axis], at));
    const map = output(look, layer), start = (position[0] * map.width + position[1]) * map.channels;
    const here = map.values.subarray(start, start + map.channels);
    return [...here.keys()].filter((c) => here[c] > 0).sort((a, b) => here[b] - here[a])
      .slice(0, AT_POINT)
      .map((channel) => unitOf(look, { layer, channel, y: position[0], x: position[1] }));
  });
}

function nearest({ start, size, stride }, count, length, at) {
  let best = 0, least = Infinity;
  for (let place = 0; place < count; place++) {
    const centre = stride ? start + place * stride + (size - 1) / 2 : ((place + 0.5) * length) / count;
    if (Math.abs(centre - at) < least) [best, least] = [place, Math.abs(centre - at)];
  }
  return best;
}

const ANSWERS = { channels, unit, projection, point, "fed-by": fedBy };
