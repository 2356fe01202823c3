/** Slices of a segmented case, with the outlines of its labels. */
import { type Normalization, type Triple, toRas, type Volume } from "../data/index.js";
import { percentile, sampledVoxels } from "../data/volumes/percentile.js";
import type { SegmentedLabel } from "../segment/labels.js";
import {
  axisAlong,
  boxAround,
  drawSlice,
  PLANES,
  type Plane,
  pictureSize,
  type SliceView,
  shownSlices,
  wholeBox,
} from "../segment/slices.js";
import type { Box } from "../segment/volume.js";
import { LABEL_COLORS, labelColor, rgbOf } from "./tokens.js";

/** What is drawn. */
export interface SlicedCase {
  /** The image and its labels on one grid, in millimeters. */
  readonly image: Volume;
  readonly labels: Volume;
  /** Every class, the background first. */
  readonly classes: readonly SegmentedLabel[];
  /** Of the image's intensities; a CT is shown in its window. */
  readonly normalization: Normalization;
}

interface CaseSlices {
  /** Turned to RAS. */
  readonly image: Volume;
  readonly whole: Box;
  /** The surroundings of the labels; null where there is none. */
  readonly near: Box | null;
  /** The slice at the center of the labels, or of the volume without any. All slices of a region have one scale. */
  readonly draw: (plane: Plane, region: Box) => { readonly view: SliceView; readonly picture: ReturnType<typeof drawSlice> };
}

/** Pixels of the longest edge of a slice. A page shows three side by side, at about two pixels for one of the screen's. */
const LONGEST_PIXELS = 640;
/** Around the labels, where the whole slice would show them small. */
const MARGIN_MM = 10;

export function caseSlices(shown: SlicedCase): CaseSlices {
  const image = toRas(shown.image);
  const classes = classIndices(toRas(shown.labels), shown.classes);
  const style = {
    range: grayRange(image, shown.normalization),
    colors: shown.classes.map((_, index) => (index === 0 ? null : rgbOf(labelColor(index)))),
    dashed: shown.classes.map((_, index) => index > LABEL_COLORS.length),
  };
  const at = shownSlices(classes, image.shape);
  return {
    image,
    whole: wholeBox(image.shape),
    near: boxAround(classes, image.shape, image.spacing, MARGIN_MM),
    draw: (plane, region) => {
      const view = { plane, index: at[axisAlong(plane)], region, scale: LONGEST_PIXELS / longestSide(region, image.spacing) };
      return { view, picture: drawSlice(image, classes, view, style) };
    },
  };
}

/** In millimeters, of all pictures of a region. */
export function longestSide(region: Box, spacing: Triple): number {
  return Math.max(...PLANES.flatMap((plane) => pictureSize(plane, region, spacing)));
}

function classIndices(labels: Volume, classes: readonly SegmentedLabel[]): Uint16Array {
  const indices = new Map(classes.map(({ value }, index) => [value, index]));
  return Uint16Array.from(labels.data, (value) => indices.get(value) ?? 0);
}

/** A CT's window, or the 0.5th and 99.5th percentile of the finite voxels. */
function grayRange(image: Volume, normalization: Normalization): readonly [low: number, high: number] {
  if (normalization.name === "ct_window") {
    const { center, width } = normalization;
    return [center - width / 2, center + width / 2];
  }
  const values = sampledVoxels(image);
  return values.length === 0 ? [0, 1] : [percentile(values, 0.5), percentile(values, 99.5)];
}
