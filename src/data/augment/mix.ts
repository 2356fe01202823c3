/** Mixtures of the images of a batch, with targets mixed alike. */
import { InceptionError } from "../../errors.js";
import type { Random } from "../random.js";

/** Which mixtures; 0 is none. Where both are on, each batch takes one of the two, each as likely as the other. */
export interface Mixing {
  /** Parameter of Beta(a, a) for mixup (Zhang et al. 2017); they use 0.1 to 0.4. Default 0. */
  readonly mixup?: number;
  /** Parameter of Beta(a, a) for cutmix (Yun et al. 2019); they use 1. Default 0. */
  readonly cutmix?: number;
}

/** The arrays of a batch that mixup and cutmix write to, in place. */
export interface MixableBatch {
  /** [count, channels, height, width]. */
  readonly images: Float32Array;
  /** [count, classes]. */
  readonly targets: Float32Array;
  readonly count: number;
  readonly height: number;
  readonly width: number;
}

/** @throws InceptionError OPTION_INVALID when a parameter is not a number of 0 to 1000 */
export function checkMixing({ mixup = 0, cutmix = 0 }: Mixing): void {
  for (const [name, value] of Object.entries({ mixup, cutmix })) {
    if (value >= 0 && value <= 1000) continue;
    throw new InceptionError("OPTION_INVALID", `Cannot mix batches with ${name} ${value}: expected a number from 0 to 1,000`, {
      [name]: value,
    });
  }
}

/**
 * Mixes the images and targets of a batch, in place. Each image gets a partner by one random permutation, which may be itself.
 * One share lambda is drawn for the whole batch, as both papers' code does:
 *
 * - mixup: lambda * image + (1 - lambda) * partner, lambda from Beta(a, a);
 * - cutmix: a rectangle of the partner with sides sqrt(1 - lambda) of the image's, its center uniform, cut off at the edges;
 *   lambda is then the share of pixels that remain.
 *
 * Targets become lambda * own + (1 - lambda) * partner's.
 */
export function mixBatch(batch: MixableBatch, mixing: Mixing, random: Random): void {
  const { mixup = 0, cutmix = 0 } = mixing;
  checkMixing(mixing);
  if (mixup === 0 && cutmix === 0) return;
  const cut = cutmix > 0 && (mixup === 0 || random.chance(0.5));
  const alpha = cut ? cutmix : mixup;
  const share = random.beta(alpha, alpha);
  const partner = random.permutation(batch.count);
  if (cut) {
    const window = cutWindow(batch, share, random);
    pasteWindow(batch, partner, window);
    const kept = 1 - (window.width * window.height) / (batch.width * batch.height);
    blendRows(batch.targets, batch.count, partner, kept);
  } else {
    blendRows(batch.images, batch.count, partner, share);
    blendRows(batch.targets, batch.count, partner, share);
  }
}

interface CutWindow {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The rectangle of cutmix for a share of pixels that would remain if no edge cut it off. */
export function cutWindow(size: { readonly width: number; readonly height: number }, share: number, random: Random): CutWindow {
  const side = Math.sqrt(1 - share);
  const across = span(size.width, Math.floor(size.width * side), random.below(size.width));
  const down = span(size.height, Math.floor(size.height * side), random.below(size.height));
  return { left: across.from, top: down.from, width: across.length, height: down.length };
}

function span(size: number, length: number, center: number): { readonly from: number; readonly length: number } {
  const limited = (at: number) => Math.min(size, Math.max(0, at));
  const from = limited(center - Math.floor(length / 2));
  const to = limited(center - Math.floor(length / 2) + length);
  return { from, length: to - from };
}

/** Row i becomes share * row i + (1 - share) * row partner[i]. */
function blendRows(values: Float32Array, count: number, partner: Uint32Array, share: number): void {
  const length = values.length / count;
  const before = values.slice();
  for (let row = 0; row < count; row++) {
    const own = row * length;
    const other = partner[row]! * length;
    for (let i = 0; i < length; i++) values[own + i] = share * before[own + i]! + (1 - share) * before[other + i]!;
  }
}

function pasteWindow({ images, count, width, height }: MixableBatch, partner: Uint32Array, window: CutWindow): void {
  const before = images.slice();
  const length = images.length / count;
  const planes = length / (width * height);
  for (let row = 0; row < count; row++) {
    for (let plane = 0; plane < planes; plane++) {
      for (let y = window.top; y < window.top + window.height; y++) {
        const at = plane * width * height + y * width + window.left;
        const from = partner[row]! * length + at;
        images.set(before.subarray(from, from + window.width), row * length + at);
      }
    }
  }
}
