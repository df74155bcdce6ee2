// Pictures as arrays: scaled as Pillow does, moved, encoded. A picture is
// { height, width, values }, values of (y, x, red green blue).

const picture = (height, width) => ({
  height, width, values: new Uint8ClampedArray(height * width * 3),
});

// Reads an image element, bitmap or canvas.
export function read(image, longest = 2048) {
  const width = image.naturalWidth ?? image.width, height = image.naturalHeight ?? image.height;
  const scale = Math.min(1, longest / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "#fff"; // under transparent pixels
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
  const found = picture(canvas.height, canvas.width);
  for (let i = 0, j = 0; i < data.length; i += 4) {
    for (let c = 0; c < 3; c++) found.values[j++] = data[i + c];
  }
  return found;
}

// Scales until (height, width) is covered and cuts out the centre: one antialiased
// bilinear step, as zfkeras.data.files.decoding.centre_fit.
export function centreFit(source, [height, width]) {
  const scale = Math.min(source.width / width, source.height / height);
  const across = Math.round(width * scale), down = Math.round(height * scale);
  const left = Math.floor((source.width - across) / 2), top = Math.floor((source.height - down) / 2);
  const columns = weights(across, width), rows = weights(down, height);
  const middle = new Uint8ClampedArray(down * width * 3), found = picture(height, width);
  for (let y = 0; y < down; y++) {
    for (let x = 0; x < width; x++) {
      const [first, shares] = columns[x];
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        const from = ((top + y) * source.width + left + first) * 3 + c;
        for (let k = 0; k < shares.length; k++) sum += shares[k] * source.values[from + 3 * k];
        middle[(y * width + x) * 3 + c] = sum;
      }
    }
  }
  for (let y = 0; y < height; y++) {
    const [first, shares] = rows[y];
    for (let x = 0; x < width * 3; x++) {
      let sum = 0;
      for (let k = 0; k < shares.length; k++) sum += shares[k] * middle[(first + k) * width * 3 + x];
      found.values[y * width * 3 + x] = sum;
    }
  }
  return found;
}

// Of each new pixel the first old one and the shares of it and those behind it.
function weights(from, to) {
  const scale = from / to, reach = Math.max(1, scale);
  return Array.from({ length: to }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const end = Math.min(from, Math.trunc(centre + reach + 0.5));
    const shares = [];
    for (let k = first; k < end; k++) {
      shares.push(Math.max(0, 1 - Math.abs((k + 0.5 - centre) / reach)));
    }
    const sum = shares.reduce((a, b) => a + b, 0);
    return [first, shares.map((share) => share / sum)];
  });
}

export function cut(source, [top, left, bottom, right]) {
  const found = picture(bottom - top, right - left);
  for (let y = top, at = 0; y < bottom; y++, at += found.width * 3) {
    const from = (y * source.width + left) * 3;
    found.values.set(source.values.subarray(from, from + found.width * 3), at);
  }
  return found;
}

export function centreCut(source, [height, width]) {
  const top = (source.height - height) >> 1, left = (source.width - width) >> 1;
  return cut(source, [top, left, top + height, left + width]);
}

// Turns, enlarges, shifts and covers, as visualize/explore/changes.py. `ground`: a
// function from a pixel's number and colour to the grey level that comes in.
export function changed(source, [height, width], ground, change) {
  const { turn = 0, zoom = 1, right = 0, down = 0 } = change;
  const angle = (turn * Math.PI) / 180, middleX = source.width / 2, middleY = source.height / 2;
  const cosine = Math.cos(angle) / zoom, sine = Math.sin(angle) / zoom;
  const toX = middleX + right * width, toY = middleY + down * height;
  const found = picture(source.height, source.width);
  for (let y = 0, at = 0; y < source.height; y++) {
    for (let x = 0; x < source.width; x++) {
      const fromX = middleX + cosine * (x + 0.5 - toX) - sine * (y + 0.5 - toY) - 0.5;
      const fromY = middleY + sine * (x + 0.5 - toX) + cosine * (y + 0.5 - toY) - 0.5;
      const isInside = fromX > -0.5 && fromY > -0.5
        && fromX < source.width - 0.5 && fromY < source.height - 0.5;
      for (let c = 0; c < 3; c++, at++) {
        found.values[at] = isInside ? between(source, fromY, fromX, c)
          : ground(y * source.width + x, c);
      }
    }
  }
  if (change.y !== undefined) cover(found, [height, width], ground, change);
  return found;
}

function between({ height, width, values }, y, x, c) {
  const low = (at, length) => Math.min(length - 1, Math.max(0, Math.floor(at)));
  const [top, left] = [low(y, height), low(x, width)];
  const [bottom, right] = [low(Math.floor(y) + 1, height), low(Math.floor(x) + 1, width)];
  const [down, across] = [y - Math.floor(y), x - Math.floor(x)];
  const at = (row, column) => values[(row * width + column) * 3 + c];
  return (1 - down) * ((1 - across) * at(top, left) + across * at(top, right))
    + down * ((1 - across) * at(bottom, left) + across * at(bottom, right));
}

function cover(found, [height, width], ground, change) {
  const side = (at, length, outer) => {
    const size = Math.max(1, Math.round(length / 5));
    const begin = Math.min(Math.max(0, Math.round(at * length - size / 2)), length - size);
    return [begin + ((outer - length) >> 1), size];
  };
  const [top, tall] = side(change.y, height, found.height);
  const [left, wide] = side(change.x, width, found.width);
  for (let y = top; y < top + tall; y++) {
    for (let x = left; x < left + wide; x++) {
      const pixel = y * found.width + x;
      for (let c = 0; c < 3; c++) found.values[pixel * 3 + c] = ground(pixel, c);
    }
  }
}

export const uri = (source, kind = "image/png") => canvasOf(source).toDataURL(kind, 0.9);

function canvasOf({ height, width, values }) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d"), image = pen.createImageData(width, height);
  for (let i = 0, j = 0; i < values.length; i += 3, j += 4) {
    for (let c = 0; c < 3; c++) image.data[j + c] = values[i + c];
    image.data[j + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}

// Zero is grey, and 99.5 % of what is not zero has its full contrast, as
// visualize.to_uint8.
export function signed(map) {
  const sizes = map.values.filter((value) => value !== 0).map(Math.abs).sort();
  const limit = sizes[Math.ceil(0.995 * Math.max(sizes.length - 1, 0))] || 1;
  const found = picture(map.height, map.width);
  found.values.forEach((_, i) => {
    const unit = Math.min(1, Math.max(-1, map.values[i] / limit));
    found.values[i] = 128 + unit * 127;
  });
  return found;
}

// One channel of a map in grey levels, `low` black and `high` white.
export function grey(map, channel, low, high) {
  const found = picture(map.height, map.width), span = high - low || 1;
  for (let i = 0; i < map.height * map.width; i++) {
    const level = (255 * (map.values[i * map.channels + channel] - low)) / span;
    found.values.fill(level, 3 * i, 3 * i + 3);
  }
  return found;
}
