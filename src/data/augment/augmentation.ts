/** What is changed at random in a training image: a record that runs and files carry, with its checks and presets. */
import { InceptionError } from "../../errors.js";
import { isRecord } from "../is-record.js";
import type { AugmentationPolicy } from "./policy.js";

/** An interval, both ends included. */
export type Range = readonly [low: number, high: number];

export type Interpolation = "bilinear" | "bicubic" | "random";

/** Which part of the image is taken; it is then scaled to the input size of the network. */
export type RandomCrop =
  | {
      /**
       * A rectangle of random area and aspect ratio at a random place (Szegedy et al. 2014, section 6), as torchvision's
       * RandomResizedCrop draws it.
       */
      readonly kind: "random_area";
      /** Fraction of the image's area, uniform; within (0, 1]. */
      readonly area: Range;
      /** Width over height, uniform in its logarithm; within [0.1, 10]. */
      readonly aspect: Range;
      /** "random" takes one of the two for each image; the paper's choice. */
      readonly interpolation: Interpolation;
    }
  | {
      /** The image scaled to the input size, a border added, and a square of the input size cut out anywhere (CIFAR). */
      readonly kind: "pad";
      /** Width of the border, 0 to 64. */
      readonly pixels: number;
      /** "zero" is black; "reflect" mirrors the image at its edge without repeating the edge. */
      readonly border: "zero" | "reflect";
    }
  /** The geometry of evaluation: resize and center crop of the preprocessing. */
  | { readonly kind: "none" };

/** Changes of color, each drawn once per image and applied in random order; see color.ts for the formulas. */
export interface ColorJitter {
  /** Largest shift of all channels, as a fraction of the full range; 0 to 1. */
  readonly brightness: number;
  /** Factor on the distance from each channel's mean; within [0, 10]. */
  readonly contrast: Range;
  /** Factor on the saturation of HSV; within [0, 10]. */
  readonly saturation: Range;
  /** Largest turn of the hue, in full circles; 0 to 0.5. */
  readonly hue: number;
}

/** A rectangle that is painted over (Zhong et al. 2017). */
export interface RandomErasing {
  readonly probability: number;
  /** Fraction of the image's area, uniform; within (0, 1]. */
  readonly area: Range;
  /** Height over width, uniform in its logarithm; within [0.1, 10]. */
  readonly aspect: Range;
  /** Random bytes, or one color of 0..255. */
  readonly fill: "noise" | readonly [red: number, green: number, blue: number];
}

/** Everything that may happen to a training image, in this order. Plain JSON. */
export interface Augmentation {
  readonly crop: RandomCrop;
  /** Probability of mirroring left and right. */
  readonly flip: number;
  /** TrivialAugment or RandAugment. Default: none. */
  readonly policy?: AugmentationPolicy | null;
  readonly color: ColorJitter | null;
  readonly erasing: RandomErasing | null;
}

const PAPER_ASPECT: Range = [3 / 4, 4 / 3];

/** The object stays in view. */
const MILD_CROP: RandomCrop = { kind: "random_area", area: [0.5, 1], aspect: PAPER_ASPECT, interpolation: "bilinear" };

/** Augmentations by name. Add yours here. */
export const AUGMENTATIONS = {
  // CIFAR: 4 pixels of border and mirroring.
  cifar: { crop: { kind: "pad", pixels: 4, border: "reflect" }, flip: 0.5, color: null, erasing: null },
  // GoogLeNet's crops with the color distortion of TensorFlow slim's Inception preprocessing.
  inception: {
    crop: { kind: "random_area", area: [0.08, 1], aspect: PAPER_ASPECT, interpolation: "random" },
    flip: 0.5,
    color: { brightness: 32 / 255, contrast: [0.5, 1.5], saturation: [0.5, 1.5], hue: 0.2 },
    erasing: null,
  },
  // For fine-tuning on few images.
  light: { crop: MILD_CROP, flip: 0.5, color: null, erasing: null },
  none: { crop: { kind: "none" }, flip: 0, color: null, erasing: null },
  // RandAugment with torchvision's defaults.
  rand_augment: { crop: MILD_CROP, flip: 0.5, policy: { kind: "rand_augment", operations: 2, magnitude: 9 }, color: null, erasing: null },
  // The same with one operation: for fine-tuning on few images in few epochs.
  rand_augment_1: { crop: MILD_CROP, flip: 0.5, policy: { kind: "rand_augment", operations: 1, magnitude: 9 }, color: null, erasing: null },
  trivial_augment: { crop: MILD_CROP, flip: 0.5, policy: { kind: "trivial_augment_wide" }, color: null, erasing: null },
} as const satisfies Record<string, Augmentation>;

/** Name of an augmentation of the table. */
export type AugmentationId = keyof typeof AUGMENTATIONS;

type Fail = (field: string, found: unknown, expected: string) => never;

/**
 * Reads an augmentation from untrusted JSON, such as the configuration of a run, or by its name.
 *
 * @param place how the message names where the value was found
 * @throws InceptionError OPTION_INVALID naming the field, when one is missing, unknown, of another type or outside its range
 */
export function parseAugmentation(value: unknown, place: string): Augmentation {
  const fail: Fail = (field, found, expected) => {
    const shown = found === undefined ? "missing" : (JSON.stringify(found) ?? typeof found).slice(0, 80);
    throw new InceptionError("OPTION_INVALID", `Cannot read the augmentation of ${place}: ${field} is ${shown}, expected ${expected}`, {
      place,
      field,
    });
  };
  if (typeof value === "string") {
    return isAugmentationId(value) ? AUGMENTATIONS[value] : fail("name", value, `one of ${Object.keys(AUGMENTATIONS).join(", ")}`);
  }
  const root = record("value", withAmericanKey(value), ["crop", "flip", "policy", "color", "erasing"], fail);
  const { policy } = root;
  return {
    crop: readCrop(root.crop, fail),
    flip: number("flip", root.flip, [0, 1], fail),
    ...(policy === undefined || policy === null ? {} : { policy: readPolicy(policy, fail) }),
    color: root.color === null ? null : readColor(root.color, fail),
    erasing: root.erasing === null ? null : readErasing(root.erasing, fail),
  };
}

/** Files from before 0.2 spell the key "colour". */
function withAmericanKey(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("colour" in value) || "color" in value) return value;
  const { colour: color, ...rest } = value;
  return { ...rest, color };
}

function isAugmentationId(name: string): name is AugmentationId {
  return Object.hasOwn(AUGMENTATIONS, name);
}

function readCrop(value: unknown, fail: Fail): RandomCrop {
  const fields = { random_area: ["kind", "area", "aspect", "interpolation"], pad: ["kind", "pixels", "border"], none: ["kind"] };
  const { kind } = record("crop", value, Object.values(fields).flat(), fail);
  if (kind === "none") {
    record("crop", value, fields.none, fail);
    return { kind };
  }
  if (kind === "pad") {
    const crop = record("crop", value, fields.pad, fail);
    return {
      kind,
      pixels: integer("crop.pixels", crop.pixels, [0, 64], fail),
      border: word("crop.border", crop.border, ["zero", "reflect"], fail),
    };
  }
  if (kind !== "random_area") return fail("crop.kind", kind, `one of ${Object.keys(fields).join(", ")}`);
  const crop = record("crop", value, fields.random_area, fail);
  return {
    kind,
    area: range("crop.area", crop.area, [1e-6, 1], fail),
    aspect: range("crop.aspect", crop.aspect, [0.1, 10], fail),
    interpolation: word("crop.interpolation", crop.interpolation, ["bilinear", "bicubic", "random"], fail),
  };
}

function readPolicy(value: unknown, fail: Fail): AugmentationPolicy {
  const fields = { trivial_augment_wide: ["kind"], rand_augment: ["kind", "operations", "magnitude"] };
  const { kind } = record("policy", value, fields.rand_augment, fail);
  if (kind === "trivial_augment_wide") {
    record("policy", value, fields.trivial_augment_wide, fail);
    return { kind };
  }
  if (kind !== "rand_augment") return fail("policy.kind", kind, `one of ${Object.keys(fields).join(", ")}`);
  const policy = record("policy", value, fields.rand_augment, fail);
  return {
    kind,
    operations: integer("policy.operations", policy.operations, [0, 14], fail),
    magnitude: integer("policy.magnitude", policy.magnitude, [0, 30], fail),
  };
}

function readColor(value: unknown, fail: Fail): ColorJitter {
  const color = record("color", value, ["brightness", "contrast", "saturation", "hue"], fail);
  return {
    brightness: number("color.brightness", color.brightness, [0, 1], fail),
    contrast: range("color.contrast", color.contrast, [0, 10], fail),
    saturation: range("color.saturation", color.saturation, [0, 10], fail),
    hue: number("color.hue", color.hue, [0, 0.5], fail),
  };
}

function readErasing(value: unknown, fail: Fail): RandomErasing {
  const erasing = record("erasing", value, ["probability", "area", "aspect", "fill"], fail);
  const { fill } = erasing;
  if (fill !== "noise" && !(Array.isArray(fill) && fill.length === 3)) fail("erasing.fill", fill, '"noise" or a color [red, green, blue]');
  const channel = (at: number) => number("erasing.fill", Array.isArray(fill) ? fill[at] : undefined, [0, 255], fail);
  return {
    probability: number("erasing.probability", erasing.probability, [0, 1], fail),
    area: range("erasing.area", erasing.area, [1e-6, 1], fail),
    aspect: range("erasing.aspect", erasing.aspect, [0.1, 10], fail),
    fill: fill === "noise" ? fill : [channel(0), channel(1), channel(2)],
  };
}

function record(field: string, value: unknown, allowed: readonly string[], fail: Fail): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return fail(field, value, "an object");
  const unknown = Object.keys(value).find((key) => !allowed.includes(key));
  if (unknown !== undefined) fail(field, unknown, `only the fields ${allowed.join(", ")}`);
  return value;
}

function number(field: string, value: unknown, [low, high]: Range, fail: Fail): number {
  return typeof value === "number" && value >= low && value <= high ? value : fail(field, value, `a number from ${low} to ${high}`);
}

function integer(field: string, value: unknown, limits: Range, fail: Fail): number {
  const found = number(field, value, limits, fail);
  return Number.isInteger(found) ? found : fail(field, value, `an integer from ${limits[0]} to ${limits[1]}`);
}

function range(field: string, value: unknown, limits: Range, fail: Fail): Range {
  if (!Array.isArray(value) || value.length !== 2) return fail(field, value, "[low, high]");
  const [low, high] = [number(field, value[0], limits, fail), number(field, value[1], limits, fail)];
  return low <= high ? [low, high] : fail(field, value, "[low, high] with low at most high");
}

function word<T extends string>(field: string, value: unknown, allowed: readonly T[], fail: Fail): T {
  return allowed.find((each) => each === value) ?? fail(field, value, `one of ${allowed.join(", ")}`);
}
