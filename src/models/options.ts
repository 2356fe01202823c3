import { fractionOption, integerOption, numberBelowOption, type Option, toNumber } from "../options.js";
import { formatCount } from "../text.js";

// Beyond this one feature map of an image network's stem takes several gigabytes.
const MAX_PIXELS = 16_384;

// A whole CT scan has fewer along each axis; the last map of a network with 64 channels takes 275 GB at this size.
const MAX_VOXELS = 1024;

/**
 * The size of an image in pixels or, for a default of three numbers, of a volume in voxels: "299", "331x275" (height
 * first), "64x96x96" (depth first), 299 or [331, 275]. One number stands for all axes; each is at least `least`.
 */
export function sizeOption(value: readonly number[], least: number): Option<readonly number[], readonly number[] | number | string> {
  const volumes = value.length === 3;
  const most = volumes ? MAX_VOXELS : MAX_PIXELS;
  const unit = volumes ? "voxels, as in 64 or 64x96x96 (depth first)" : "pixels, as in 299 or 331x275 (height first)";
  return {
    doc: volumes ? "Input depth, height and width in voxels." : "Input height and width in pixels.",
    default: value,
    placeholder: "size",
    expected: `a size from ${least} to ${formatCount(most)} ${unit}`,
    parse: (given) => {
      const items: readonly unknown[] = typeof given === "string" ? given.split(/[x,]/) : Array.isArray(given) ? given : [given];
      const sizes = items.flatMap((item) => {
        const size = toNumber(item);
        return size !== undefined && Number.isInteger(size) && size >= least && size <= most ? [size] : [];
      });
      if (sizes.length !== items.length) return undefined;
      const [side] = sizes;
      if (sizes.length === 1 && side !== undefined) return value.map(() => side);
      return sizes.length === value.length ? sizes : undefined;
    },
  };
}

/** Options that every network for images has. */
export function commonOptions(defaults: {
  readonly numClasses: number;
  readonly leastClasses: number;
  readonly inputSize: number;
  readonly minInputSize: number;
  readonly dropRate: number;
}) {
  return {
    numClasses: integerOption("Number of output classes.", defaults.numClasses, defaults.leastClasses, 1_000_000),
    inChannels: integerOption("Number of input channels.", 3, 1, 1024),
    inputSize: sizeOption([defaults.inputSize, defaults.inputSize], defaults.minInputSize),
    dropRate: fractionOption("Dropout rate before the classifier (training only).", defaults.dropRate),
    widthMultiplier: widthOption(),
  };
}

export function widthOption() {
  return numberBelowOption("Multiplier for the channel count of every convolution.", 1, 0.01, 8);
}

/** The widths of a small variant: `channels` times the multiplier, rounded half up, at least 1. */
export function scaleWidth(channels: number, widthMultiplier: number): number {
  return Math.max(1, Math.floor(channels * widthMultiplier + 0.5));
}
