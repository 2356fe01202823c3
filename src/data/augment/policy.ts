/**
 * Policies that draw operations for each image, with torchvision's spaces of operations and magnitudes:
 *
 * - TrivialAugment (Müller & Hutter 2021), wide space, as `TrivialAugmentWide`: one operation, its magnitude drawn too;
 * - RandAugment (Cubuk et al. 2019), as `RandAugment`: some operations, one after the other, of one magnitude.
 *
 * A magnitude is one of 31 steps between the two values of a row below; signed ones are negated half of the time.
 */
import type { Image } from "../image.js";
import type { Random } from "../random.js";
import { IMAGE_OPS, type ImageOpName } from "./image-ops.js";

/** Which operations are applied to a training image. */
export type AugmentationPolicy =
  /** TrivialAugment: one operation of the wide space. */
  | { readonly kind: "trivial_augment_wide" }
  | {
      readonly kind: "rand_augment";
      /** Operations per image, 0 to 14; the paper's N. torchvision's default: 2. */
      readonly operations: number;
      /** Step of all magnitudes, an integer of 0 to 30; the paper's M. torchvision's default: 9. */
      readonly magnitude: number;
    };

interface SpaceEntry {
  /** Magnitude at step 0. */
  readonly from: number;
  /** Magnitude at the last step. */
  readonly to: number;
  /** Whether it is negated half of the time. */
  readonly signed: boolean;
}

type Space = Readonly<Record<ImageOpName, SpaceEntry>>;

/** Steps between the two magnitudes of an operation. */
const STEPS = 30;

const NO_MAGNITUDE: SpaceEntry = { from: 0, to: 0, signed: false };
const signed = (to: number): SpaceEntry => ({ from: 0, to, signed: true });

/** In the order in which torchvision lists them. */
const WIDE_SPACE: Space = {
  identity: NO_MAGNITUDE,
  shearX: signed(0.99),
  shearY: signed(0.99),
  translateX: signed(32),
  translateY: signed(32),
  rotate: signed(135),
  brightness: signed(0.99),
  color: signed(0.99),
  contrast: signed(0.99),
  sharpness: signed(0.99),
  posterize: { from: 8, to: 2, signed: false },
  solarize: { from: 255, to: 0, signed: false },
  autoContrast: NO_MAGNITUDE,
  equalize: NO_MAGNITUDE,
};

/** Translations are part of the image's own size, as of the 331 pixels of AutoAugment's images. */
const RELATIVE_TRANSLATION = 150 / 331;

function randSpace({ width, height }: Pick<Image, "width" | "height">): Space {
  return {
    ...WIDE_SPACE,
    shearX: signed(0.3),
    shearY: signed(0.3),
    translateX: signed(RELATIVE_TRANSLATION * width),
    translateY: signed(RELATIVE_TRANSLATION * height),
    rotate: signed(30),
    brightness: signed(0.9),
    color: signed(0.9),
    contrast: signed(0.9),
    sharpness: signed(0.9),
    posterize: { from: 8, to: 4, signed: false },
  };
}

const OP_NAMES = Object.keys(WIDE_SPACE).filter((name): name is ImageOpName => Object.hasOwn(IMAGE_OPS, name));

/** An operation that was drawn, with its magnitude. */
interface DrawnOp {
  readonly name: ImageOpName;
  readonly magnitude: number;
}

/**
 * The operations of one image, drawn: for each its name, for TrivialAugment its step, then its sign.
 *
 * @param size of the image, in pixels
 */
export function drawOps(policy: AugmentationPolicy, size: Pick<Image, "width" | "height">, random: Random): readonly DrawnOp[] {
  if (policy.kind === "trivial_augment_wide") return [drawOp(WIDE_SPACE, () => random.below(STEPS + 1), random)];
  const space = randSpace(size);
  return Array.from({ length: policy.operations }, () => drawOp(space, () => policy.magnitude, random));
}

function drawOp(space: Space, stepOf: () => number, random: Random): DrawnOp {
  const name = OP_NAMES[random.below(OP_NAMES.length)] ?? "identity";
  const { from, to, signed: isSigned } = space[name];
  const drawn = from + ((to - from) * stepOf()) / STEPS;
  // Bits are whole: the number of those that are cut off is rounded.
  const magnitude = name === "posterize" ? 8 - Math.round(8 - drawn) : drawn;
  return { name, magnitude: isSigned && random.chance(0.5) ? -magnitude : magnitude };
}

/** Applies what the policy draws for this image. The image given is left alone. */
export function applyPolicy(image: Image, policy: AugmentationPolicy, random: Random): Image {
  return drawOps(policy, image, random).reduce((changed, { name, magnitude }) => IMAGE_OPS[name](changed, magnitude), image);
}
