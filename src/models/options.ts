import { integerOption, numberBelowOption, type Option, shareOption, toNumber } from "../options.js";

/** Height and width in pixels: "299", "331x275" (height first), 299 or [331, 275]; each at least `least`. */
export function sizeOption(value: readonly [number, number], least: number): Option<readonly number[]> {
  return {
    doc: "Height and width of the input in pixels.",
    default: value,
    expected: `a size of ${least} to ${MOST_PIXELS} pixels, as in 299 or 331x275 (height first)`,
    parse: (given) => {
      const items: readonly unknown[] = typeof given === "string" ? given.split(/[x,]/) : Array.isArray(given) ? given : [given];
      const sizes = items
        .map(toNumber)
        .filter((size) => size !== undefined && Number.isInteger(size) && size >= least && size <= MOST_PIXELS);
      if (sizes.length !== items.length || sizes.length < 1 || sizes.length > 2) return undefined;
      const [height = 0, width = height] = sizes.filter((size) => size !== undefined);
      return [height, width];
    },
  };
}

// Beyond this one feature map of the stem alone takes several gigabytes.
const MOST_PIXELS = 16_384;

/** Options that every network has. */
export function commonOptions(defaults: {
  readonly numClasses: number;
  readonly leastClasses: number;
  readonly inputSize: number;
  readonly minInputSize: number;
  readonly dropRate: number;
}) {
  return {
    numClasses: integerOption("Number of classes of the classifier.", defaults.numClasses, defaults.leastClasses, 1_000_000),
    inChannels: integerOption("Channels of the input image.", 3, 1, 1024),
    inputSize: sizeOption([defaults.inputSize, defaults.inputSize], defaults.minInputSize),
    dropRate: shareOption("Probability that a feature is dropped before the classifier in training.", defaults.dropRate),
    widthMultiplier: numberBelowOption("Factor on the number of channels of every convolution, for small variants.", 1, 0.01, 8),
  };
}

/** The widths of a small variant: `channels` times the multiplier, rounded half up, at least 1. */
export function scaleWidth(channels: number, widthMultiplier: number): number {
  return Math.max(1, Math.floor(channels * widthMultiplier + 0.5));
}
