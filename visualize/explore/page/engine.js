// A network and its deconvnet in plain arrays: a chain of convolutions, pools, LRN and
// dense layers, as visualize/explore/portable.py writes it.
//
// A map is { height, width, channels, values }, values a Float32Array in the order
// (y, x, channel).

const METHODS = ["deconvnet", "guided", "gradient"];

export class Engine {
  constructor(layers) {
    this.layers = layers;
  }

  // Runs the network. Of each layer it keeps the output and, of a pool, the argmax.
  run(input) {
    const kept = [];
    let below = input;
    for (const layer of this.layers) {
      const found = UP[layer.kind](below, layer);
      if (layer.relu) rectify(found.output.values);
      kept.push({ input: below, ...found });
      below = found.output;
    }
    return kept;
  }

  // Projects one unit of layer `number` down to the pixels.
  project(kept, number, { y, x, channel }, method) {
    const top = kept[number].logits ?? kept[number].output;
    const signal = like(top), place = (y * top.width + x) * top.channels + channel;
    signal.values[place] = top.values[place];
    return this.descend(kept, number, signal, method);
  }

  // Takes a signal at the output of layer `number` down to the pixels, or to the output
  // of layer `until`. The gradient of a softmax is left to the caller.
  descend(kept, number, signal, method, until = -1) {
    if (!METHODS.includes(method)) throw new RangeError(`no method ${method}`);
    for (let at = number; at > until; at--) {
      const layer = this.layers[at];
      if (layer.relu) passRectifier(signal.values, kept[at].output.values, method);
      signal = DOWN[layer.kind](signal, layer, kept[at], method);
    }
    return signal;
  }
}

export const map = (height, width, channels, values) => ({
  height, width, channels, values: values ?? new Float32Array(height * width * channels),
});
export const like = (one) => map(one.height, one.width, one.channels);

function rectify(values) {
  for (let i = 0; i < values.length; i++) if (!(values[i] > 0)) values[i] = 0;
}

function passRectifier(signal, output, method) {
  for (let i = 0; i < signal.length; i++) {
    const isOff = method !== "deconvnet" && !(output[i] > 0);
    const isNegative = method !== "gradient" && !(signal[i] > 0);
    if (isOff || isNegative) signal[i] = 0;
  }
}

// Calls `visit(out, from, tap)` for each place of the output and each tap of its window
// that lies inside the input: numbers of pixels, and of the tap.
function windows(input, output, { size, strides, padding }, visit) {
  for (let oy = 0, out = 0; oy < output.height; oy++) {
    for (let ox = 0; ox < output.width; ox++, out++) {
      for (let ky = 0; ky < size[0]; ky++) {
        const y = oy * strides[0] + ky - padding[0];
        if (y < 0 || y >= input.height) continue;
        for (let kx = 0; kx < size[1]; kx++) {
          const x = ox * strides[1] + kx - padding[1];
          if (x < 0 || x >= input.width) continue;
          visit(out, y * input.width + x, ky * size[1] + kx);
        }
      }
    }
  }
}

// kernel: (taps, channels below, channels above)
function convolve(input, layer) {
  const { kernel, bias } = layer, [height, width] = layer.shape, above = bias.length;
  const output = map(height, width, above), below = input.channels;
  for (let i = 0; i < output.values.length; i++) output.values[i] = bias[i % above];
  windows(input, output, layer, (out, from, tap) => {
    const target = output.values.subarray(out * above, (out + 1) * above);
    for (let c = 0; c < below; c++) {
      const value = input.values[from * below + c];
      if (value === 0) continue;
      let place = (tap * below + c) * above;
      for (let o = 0; o < above; o++) target[o] += value * kernel[place++];
    }
  });
  return { output };
}

function transposed(layer, below) {
  if (layer.transposed) return layer.transposed;
  const above = layer.bias.length, taps = layer.kernel.length / above / below;
  layer.transposed = new Float32Array(layer.kernel.length);
  for (let tap = 0, i = 0; tap < taps; tap++) {
    for (let c = 0; c < below; c++) {
      for (let o = 0; o < above; o++) {
        layer.transposed[(tap * above + o) * below + c] = layer.kernel[i++];
      }
    }
  }
  return layer.transposed;
}

function filterDown(signal, layer, { input }) {
  const below = input.channels, above = layer.bias.length;
  const kernel = transposed(layer, below), result = like(input);
  windows(input, signal, layer, (out, from, tap) => {
    const target = result.values.subarray(from * below, (from + 1) * below);
    for (let o = 0; o < above; o++) {
      const value = signal.values[out * above + o];
      if (value === 0) continue;
      let place = (tap * above + o) * below;
      for (let c = 0; c < below; c++) target[c] += value * kernel[place++];
    }
  });
  return result;
}

// The first of equal maxima wins.
function pool(input, layer) {
  const [height, width] = layer.shape, channels = input.channels;
  const output = map(height, width, channels);
  output.values.fill(-Infinity);
  const argmax = new Int32Array(output.values.length);
  windows(input, output, layer, (out, from) => {
    for (let c = 0; c < channels; c++) {
      const value = input.values[from * channels + c], place = out * channels + c;
      if (value > output.values[place]) {
        output.values[place] = value;
        argmax[place] = from * channels + c;
      }
    }
  });
  return { output, argmax };
}

// Overlapping windows that share a maximum add.
function unpool(signal, layer, { input, argmax }) {
  const result = like(input);
  for (let i = 0; i < argmax.length; i++) result.values[argmax[i]] += signal.values[i];
  return result;
}

function normalize(input, { radius, bias, alpha, beta }) {
  const output = like(input), divisor = like(input), n = input.channels;
  for (let start = 0; start < input.values.length; start += n) {
    for (let c = 0; c < n; c++) {
      let sum = 0;
      for (let j = Math.max(0, c - radius); j <= Math.min(n - 1, c + radius); j++) {
        sum += input.values[start + j] ** 2;
      }
      divisor.values[start + c] = bias + alpha * sum;
      output.values[start + c] = input.values[start + c] * (bias + alpha * sum) ** -beta;
    }
  }
  return { output, divisor };
}

// The deconvnet goes past it; the others take its derivative.
function normalizeDown(signal, { radius, alpha, beta }, { input, divisor }, method) {
  if (method === "deconvnet") return signal;
  const result = like(input), n = input.channels;
  for (let start = 0; start < input.values.length; start += n) {
    for (let c = 0; c < n; c++) {
      let sum = 0;
      for (let j = Math.max(0, c - radius); j <= Math.min(n - 1, c + radius); j++) {
        const at = start + j;
        sum += signal.values[at] * input.values[at] * divisor.values[at] ** (-beta - 1);
      }
      const at = start + c;
      result.values[at] = signal.values[at] * divisor.values[at] ** -beta
        - 2 * alpha * beta * input.values[at] * sum;
    }
  }
  return result;
}

function connect(input, layer) {
  const { kernel, bias } = layer, above = bias.length;
  const output = map(1, 1, above, Float32Array.from(bias));
  for (let c = 0; c < input.values.length; c++) {
    const value = input.values[c];
    if (value === 0) continue;
    let place = c * above;
    for (let o = 0; o < above; o++) output.values[o] += value * kernel[place++];
  }
  if (!layer.softmax) return { output };
  return { output: softmax(output), logits: output };
}

function connectDown(signal, { kernel }, { input }) {
  const result = like(input), above = signal.values.length;
  for (let c = 0, place = 0; c < result.values.length; c++) {
    let sum = 0;
    for (let o = 0; o < above; o++) sum += signal.values[o] * kernel[place++];
    result.values[c] = sum;
  }
  return result;
}

function softmax(logits) {
  const top = logits.values.reduce((a, b) => Math.max(a, b));
  const shares = logits.values.map((value) => Math.exp(value - top));
  const sum = shares.reduce((a, b) => a + b);
  return map(1, 1, logits.channels, shares.map((share) => share / sum));
}

const UP = { conv: convolve, pool, lrn: normalize, dense: connect };
const DOWN = { conv: filterDown, pool: unpool, lrn: normalizeDown, dense: connectDown };
