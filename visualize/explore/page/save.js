// Saves what is shown of a unit as a picture, or as JSON with its address.

import { number } from "./elements.js";

const CELL = 240, GAP = 16, HEAD = 64, FOOT = 28;

export async function save(kind, now, photograph, found) {
  const name = `${photograph.name}-${now.layer}-${now.channel}`.replace(/[^\w.-]+/g, "_");
  if (kind === "json") {
    const content = JSON.stringify({ state: now, photograph, unit: found }, null, 2);
    download(new Blob([content], { type: "application/json" }), `${name}.json`);
  } else {
    download(await drawn(now, photograph, found), `${name}.png`);
  }
}

async function drawn(now, photograph, found) {
  const pictures = { "what it sees": found.patch, ...found.projections };
  const names = Object.keys(pictures);
  const canvas = document.createElement("canvas");
  canvas.width = names.length * (CELL + GAP) + GAP;
  canvas.height = HEAD + CELL + FOOT + GAP;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#1e1d1a";
  pen.font = "600 20px sans-serif";
  pen.fillText(`layer ${now.layer}, channel ${now.channel}: ${photograph.name}`, GAP, 28);
  pen.font = "16px sans-serif";
  const place = found.position.join(", ");
  pen.fillText(`unit at (${place}), activation ${number(found.activation)}`, GAP, 52);
  pen.imageSmoothingEnabled = false;
  for (const [index, title] of names.entries()) {
    const left = GAP + index * (CELL + GAP);
    const image = new Image();
    image.src = pictures[title];
    await image.decode();
    const scale = CELL / Math.max(image.width, image.height);
    pen.drawImage(image, left, HEAD, image.width * scale, image.height * scale);
    pen.fillText(title, left, HEAD + CELL + 20);
  }
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
