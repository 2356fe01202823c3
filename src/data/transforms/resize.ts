/**
 * Resizing equal to Pillow's `Image.resize`, because that is what the public accuracies were measured with.
 *
 * Two passes, rows first. With 8-bit pixels the weights are fixed point and each pass rounds to 8 bits again, so that the
 * result is equal byte for byte; with float pixels the sums are double precision and each pass rounds to float32.
 * A pass over an axis whose length does not change is left out, as Pillow does.
 */

import { InceptionError } from "../../errors.js";
import { formatCount } from "../../text.js";
import type { FloatRaster, Raster } from "../image.js";
import { type Axis, fixedTaps, floatTaps, type KernelName, type Taps, tapRange, tapStride, WEIGHT_BITS } from "./taps.js";
import { type TargetSize, wantedWindow } from "./target.js";

/** Pillow's filters. All but "nearest" average over every input pixel under the filter when the image shrinks. */
export type PillowFilter = KernelName | "nearest";

/** A target size with one of Pillow's filters. */
export interface ResizeTarget extends TargetSize {
  readonly filter: PillowFilter;
}

/** Largest image between the two passes, in values. A 100-megapixel square needs 3e7; only strips of one pixel's width come near. */
const MAX_BETWEEN_VALUES = 2 ** 28;
/** Most weights per axis. At most seven per pixel of the longer of both lengths, so an axis of a million pixels passes. */
const MAX_WEIGHTS = 2 ** 23;

/**
 * Resizes an 8-bit image; equal byte for byte to Pillow 9.4 for every filter.
 *
 * @throws InceptionError OPTION_INVALID when a size is no positive integer or the window leaves the result,
 * IMAGE_LIMIT when what is wanted has more than 100 megapixels or the image is a strip too long for the memory of the first pass.
 */
export function resize<C extends number>(image: Raster<C>, target: ResizeTarget): Raster<C> {
  const plan = planOf(image, target);
  const { channels, width, height } = plan;
  if (plan.filter === "nearest") {
    const data = new Uint8Array(width.length * height.length * channels);
    nearest(image.data, plan, data);
    return { width: width.length, height: height.length, channels: image.channels, data };
  }
  const rows = rowsNeeded(plan.height, plan.filter);
  const between = new Uint8ClampedArray(width.length * rows.length * channels);
  if (changes(width)) rowPass(image.data, image.width, rows.from, rows.length, channels, fixedTaps(axisOf(width, plan.filter)), between);
  else copyWindow(image.data, plan, rows, between);
  const result = changes(height) ? new Uint8ClampedArray(width.length * height.length * channels) : between;
  if (changes(height)) columnPass(between, width.length * channels, rows.from, fixedTaps(axisOf(height, plan.filter)), result);
  return { width: width.length, height: height.length, channels: image.channels, data: new Uint8Array(result.buffer) };
}

/**
 * Resizes float pixels, as Pillow does in mode F (what clean-FID uses). Throws as `resize` does.
 */
export function resizeFloat<C extends number>(image: FloatRaster<C>, target: ResizeTarget): FloatRaster<C> {
  const plan = planOf(image, target);
  const { channels, width, height } = plan;
  if (plan.filter === "nearest") {
    const data = new Float32Array(width.length * height.length * channels);
    nearest(image.data, plan, data);
    return { width: width.length, height: height.length, channels: image.channels, data };
  }
  const rows = rowsNeeded(plan.height, plan.filter);
  const between = new Float32Array(width.length * rows.length * channels);
  if (changes(width)) floatRowPass(image.data, image.width, rows, channels, floatTaps(axisOf(width, plan.filter)), between);
  else copyWindow(image.data, plan, rows, between);
  const data = changes(height) ? new Float32Array(width.length * height.length * channels) : between;
  if (changes(height)) floatColumnPass(between, width.length * channels, rows.from, floatTaps(axisOf(height, plan.filter)), data);
  return { width: width.length, height: height.length, channels: image.channels, data };
}

/** One axis of a resize: its lengths and the range of the result that is wanted. */
type Span = Omit<Axis, "kernel">;
type Range = Pick<Span, "from" | "length">;

interface Plan {
  readonly channels: number;
  readonly filter: PillowFilter;
  readonly width: Span;
  readonly height: Span;
}

function axisOf(span: Span, kernel: KernelName): Axis {
  return { ...span, kernel };
}

function changes(span: Span): boolean {
  return span.inSize !== span.outSize;
}

/** Check everything before memory is taken. */
function planOf(image: Raster | FloatRaster, target: ResizeTarget): Plan {
  const window = wantedWindow(image, target);
  const width: Span = { inSize: image.width, outSize: target.width, from: window.left, length: window.width };
  const height: Span = { inSize: image.height, outSize: target.height, from: window.top, length: window.height };
  const plan: Plan = { channels: image.channels, filter: target.filter, width, height };
  checkMemory(image, plan);
  return plan;
}

function checkMemory(image: Raster | FloatRaster, { channels, filter, width, height }: Plan): void {
  const between = filter === "nearest" ? 0 : width.length * rowsNeeded(height, filter).length * channels;
  const weights = Math.max(
    ...[width, height].map((span) => (filter === "nearest" ? span.outSize : span.length * tapStride(axisOf(span, filter)))),
  );
  if (between <= MAX_BETWEEN_VALUES && weights <= MAX_WEIGHTS) return;
  throw new InceptionError(
    "IMAGE_LIMIT",
    `Cannot resize an image of ${image.width} x ${image.height} pixels to ${width.length} x ${height.length} of ${width.outSize} x ${height.outSize}: it needs ${formatCount(between)} values between the two passes and ${formatCount(weights)} weights, the limits are ${formatCount(MAX_BETWEEN_VALUES)} and ${formatCount(MAX_WEIGHTS)}`,
    { between, weights },
  );
}

/** The input rows that the wanted output rows read; all that the first pass computes. */
function rowsNeeded(height: Span, kernel: KernelName): Range {
  if (!changes(height)) return height;
  const axis = axisOf(height, kernel);
  const from = tapRange(axis, height.from).first;
  const last = tapRange(axis, height.from + height.length - 1);
  return { from, length: last.first + last.count - from };
}

/** Pillow steps through the input by repeated addition, whose rounding differs from that of a multiplication. */
function nearestPositions(span: Span): Int32Array {
  const positions = new Int32Array(span.length);
  const scale = span.inSize / span.outSize;
  let at = scale * 0.5;
  for (let i = 0; i < span.from + span.length; i++) {
    if (i >= span.from) positions[i - span.from] = Math.min(span.inSize - 1, Math.trunc(at));
    at += scale;
  }
  return positions;
}

function nearest(source: Uint8Array | Float32Array, plan: Plan, result: Uint8Array | Float32Array): void {
  const { channels } = plan;
  const columns = nearestPositions(plan.width);
  let to = 0;
  for (const row of nearestPositions(plan.height)) {
    for (const column of columns) {
      const from = (row * plan.width.inSize + column) * channels;
      for (let c = 0; c < channels; c++) result[to++] = source[from + c]!;
    }
  }
}

function copyWindow(
  source: Uint8Array | Float32Array,
  { channels, width }: Plan,
  rows: Range,
  result: Uint8ClampedArray | Float32Array,
): void {
  for (let y = 0; y < rows.length; y++) {
    const from = ((rows.from + y) * width.inSize + width.from) * channels;
    result.set(source.subarray(from, from + width.length * channels), y * width.length * channels);
  }
}

const HALF = 1 << (WEIGHT_BITS - 1);

/** First pass. The result is a clamped array: storing limits to 0..255. */
function rowPass(
  source: Uint8Array,
  sourceWidth: number,
  firstRow: number,
  rows: number,
  channels: number,
  taps: Taps<Int32Array>,
  result: Uint8ClampedArray,
): void {
  for (let y = 0; y < rows; y++) {
    const from = (firstRow + y) * sourceWidth * channels;
    const to = y * taps.first.length * channels;
    if (channels === 3) rgbRow(source, from, taps, result, to);
    else anyRow(source, from, channels, taps, result, to);
  }
}

/** Three sums side by side: each weight is read once, and nothing is allocated per pixel. */
function rgbRow(source: Uint8Array, from: number, taps: Taps<Int32Array>, result: Uint8ClampedArray, to: number): void {
  const { first, count, stride, weights } = taps;
  let out = to;
  for (let x = 0; x < first.length; x++) {
    let r = HALF;
    let g = HALF;
    let b = HALF;
    let at = from + first[x]! * 3;
    const end = x * stride + count[x]!;
    for (let k = x * stride; k < end; k++) {
      const weight = weights[k]!;
      r = (r + Math.imul(source[at]!, weight)) | 0;
      g = (g + Math.imul(source[at + 1]!, weight)) | 0;
      b = (b + Math.imul(source[at + 2]!, weight)) | 0;
      at += 3;
    }
    result[out] = r >> WEIGHT_BITS;
    result[out + 1] = g >> WEIGHT_BITS;
    result[out + 2] = b >> WEIGHT_BITS;
    out += 3;
  }
}

function anyRow(source: Uint8Array, from: number, channels: number, taps: Taps<Int32Array>, result: Uint8ClampedArray, to: number): void {
  const { first, count, stride, weights } = taps;
  let out = to;
  for (let x = 0; x < first.length; x++) {
    for (let c = 0; c < channels; c++) {
      let sum = HALF;
      let at = from + first[x]! * channels + c;
      for (let k = 0; k < count[x]!; k++) {
        sum = (sum + Math.imul(source[at]!, weights[x * stride + k]!)) | 0;
        at += channels;
      }
      result[out++] = sum >> WEIGHT_BITS;
    }
  }
}

/** Second pass. Rows are `rowLength` values; channels do not matter here, so four neighbors share each weight. */
function columnPass(
  source: Uint8ClampedArray,
  rowLength: number,
  firstRow: number,
  taps: Taps<Int32Array>,
  result: Uint8ClampedArray,
): void {
  const { first, count, stride, weights } = taps;
  const quads = rowLength - (rowLength % 4);
  for (let y = 0; y < first.length; y++) {
    const from = (first[y]! - firstRow) * rowLength;
    const begin = y * stride;
    const end = begin + count[y]!;
    const to = y * rowLength;
    for (let x = 0; x < quads; x += 4) {
      let s0 = HALF;
      let s1 = HALF;
      let s2 = HALF;
      let s3 = HALF;
      let at = from + x;
      for (let k = begin; k < end; k++) {
        const weight = weights[k]!;
        s0 = (s0 + Math.imul(source[at]!, weight)) | 0;
        s1 = (s1 + Math.imul(source[at + 1]!, weight)) | 0;
        s2 = (s2 + Math.imul(source[at + 2]!, weight)) | 0;
        s3 = (s3 + Math.imul(source[at + 3]!, weight)) | 0;
        at += rowLength;
      }
      result[to + x] = s0 >> WEIGHT_BITS;
      result[to + x + 1] = s1 >> WEIGHT_BITS;
      result[to + x + 2] = s2 >> WEIGHT_BITS;
      result[to + x + 3] = s3 >> WEIGHT_BITS;
    }
    for (let x = quads; x < rowLength; x++) {
      let sum = HALF;
      for (let k = begin, at = from + x; k < end; k++, at += rowLength) sum = (sum + Math.imul(source[at]!, weights[k]!)) | 0;
      result[to + x] = sum >> WEIGHT_BITS;
    }
  }
}

function floatRowPass(
  source: Float32Array,
  sourceWidth: number,
  rows: Range,
  channels: number,
  taps: Taps<Float64Array>,
  result: Float32Array,
): void {
  const { first, count, stride, weights } = taps;
  let out = 0;
  for (let y = 0; y < rows.length; y++) {
    const from = (rows.from + y) * sourceWidth * channels;
    for (let x = 0; x < first.length; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        let at = from + first[x]! * channels + c;
        for (let k = 0; k < count[x]!; k++, at += channels) sum += source[at]! * weights[x * stride + k]!;
        result[out++] = sum;
      }
    }
  }
}

function floatColumnPass(source: Float32Array, rowLength: number, firstRow: number, taps: Taps<Float64Array>, result: Float32Array): void {
  const { first, count, stride, weights } = taps;
  for (let y = 0; y < first.length; y++) {
    const from = (first[y]! - firstRow) * rowLength;
    for (let x = 0; x < rowLength; x++) {
      let sum = 0;
      for (let k = 0, at = from + x; k < count[y]!; k++, at += rowLength) sum += source[at]! * weights[y * stride + k]!;
      result[y * rowLength + x] = sum;
    }
  }
}
