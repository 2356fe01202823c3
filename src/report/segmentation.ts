import { type Normalization, type Triple, toRas, type Volume } from "../data/index.js";
import { percentile, sampledVoxels } from "../data/volumes/percentile.js";
import type { CaseWarning } from "../segment/index.js";
import type { MeasuredLabel, SegmentedLabel } from "../segment/labels.js";
import {
  axisAlong,
  boxAround,
  type Colour,
  drawSlice,
  EDGES,
  PLANES,
  pictureSize,
  type SliceView,
  shownSlices,
  wholeBox,
} from "../segment/slices.js";
import type { Box } from "../segment/volume.js";
import { escapeMarkup } from "../text.js";
import type { PictureEncoder } from "./picture.js";
import { QUALITY_STYLE } from "./quality-style.js";

/** Everything that a page shows. Texts may be anything: they are escaped. */
export interface QualityCase {
  readonly title: string;
  /** The image and its labels on one grid. */
  readonly image: Volume;
  readonly labels: Volume;
  /** Every class, the background first. */
  readonly classes: readonly SegmentedLabel[];
  readonly measured: readonly MeasuredLabel[];
  /** Shown above everything else; null where the model records nothing to compare with, which the page says too. */
  readonly warnings: readonly CaseWarning[] | null;
  /** Of the image's intensities; a CT is shown in its window. */
  readonly normalization: Normalization;
  /** Further facts: name and value. */
  readonly facts: readonly (readonly [name: string, value: string])[];
}

const DIRECTIONS =
  "R and L are the patient’s right and left, A and P front and back (anterior, posterior), S and I towards head and feet (superior, inferior).";
/** Pixels of the longest edge of a slice. A page shows three side by side, at about two pixels for one of the screen's. */
const LONGEST_PIXELS = 640;
/** Around the labels, where the whole slice would show them small. */
const MARGIN_MM = 10;
const CLOSE_UP_SHARE = 0.6;

/**
 * A page for a person to judge a segmentation by: axial, coronal and sagittal slices with outlines, all in one scale, and the
 * volume of each label. Nothing is loaded from elsewhere. Where the labels take little of the volume there are slices of their
 * surroundings too.
 */
export async function qualityPage(shown: QualityCase, encode: PictureEncoder): Promise<string> {
  const image = toRas(shown.image);
  const classes = classIndices(toRas(shown.labels), shown.classes);
  const colours = shown.classes.map((_, index) => (index === 0 ? null : colourOf(index)));
  const style = { range: greyRange(image, shown.normalization), colours };
  const at = shownSlices(classes, image.shape);
  const whole = wholeBox(image.shape);
  const near = boxAround(classes, image.shape, image.spacing, MARGIN_MM);
  const pictureOf = async (view: SliceView): Promise<EncodedPicture> => {
    const picture = drawSlice(image, classes, view, style);
    return { width: picture.width, height: picture.height, uri: await encode(picture) };
  };
  const draw = async (region: Box): Promise<string> => {
    const scale = LONGEST_PIXELS / Math.max(...PLANES.flatMap((plane) => pictureSize(plane, region, image.spacing)));
    const views = PLANES.map((plane): SliceView => ({ plane, index: at[axisAlong(plane)], region, scale }));
    const figures = [];
    for (const view of views) figures.push(figure(await pictureOf(view), view, image.shape, shown));
    return `<div class="slices">${figures.join("")}</div>`;
  };
  const closeUp = near !== null && longest(near, image.spacing) < CLOSE_UP_SHARE * longest(whole, image.spacing) ? near : null;
  const body = [
    `<header><h1>${escapeMarkup(shown.title)}</h1></header>`,
    ...warningBanner(shown.warnings),
    `<section><h2>Slices <small>${near === null ? "no label was found: the middle of the volume" : "at the centre of the labels"}</small></h2>${await draw(whole)}</section>`,
    ...(closeUp === null ? [] : [`<section><h2>Close-up</h2>${await draw(closeUp)}</section>`]),
    `<p class="note">${DIRECTIONS}</p>`,
    `<div class="columns">${volumeTable(shown)}${factTable(shown)}</div>`,
  ];
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeMarkup(shown.title)}</title><style>${QUALITY_STYLE}</style></head><body><main>${body.join("\n")}</main></body></html>\n`;
}

function warningBanner(warnings: readonly CaseWarning[] | null): readonly string[] {
  if (warnings === null) {
    const text = "Not checked: the model records no statistics of its training cases, so nothing tells whether this case is like them.";
    return [`<aside class="unchecked" role="note">${text}</aside>`];
  }
  if (warnings.length === 0) return [];
  const items = warnings.map(({ code, message }) => `<li><code>${code}</code> ${escapeMarkup(message)}</li>`).join("");
  const heading = "This case differs from those the model was trained on; the labels may be wrong";
  return [`<aside class="warnings" role="alert"><h2>${heading}</h2><ul>${items}</ul></aside>`];
}

function classIndices(labels: Volume, classes: readonly SegmentedLabel[]): Uint16Array {
  const indices = new Map(classes.map(({ value }, index) => [value, index]));
  return Uint16Array.from(labels.data, (value) => indices.get(value) ?? 0);
}

function longest(region: Box, spacing: Triple): number {
  return Math.max(...PLANES.flatMap((plane) => pictureSize(plane, region, spacing)));
}

/** A CT's window, or the 0.5th and 99.5th percentile of the finite voxels. */
function greyRange(image: Volume, normalization: Normalization): readonly [low: number, high: number] {
  if (normalization.name === "ct_window") {
    const { centre, width } = normalization;
    return [centre - width / 2, centre + width / 2];
  }
  const values = sampledVoxels(image);
  return values.length === 0 ? [0, 1] : [percentile(values, 0.5), percentile(values, 99.5)];
}

/** Told apart without colour vision and bright on grey (Okabe and Ito 2008); further classes go round the colour circle. */
const COLOURS: readonly Colour[] = [
  [86, 180, 233],
  [230, 159, 0],
  [0, 190, 135],
  [240, 228, 66],
  [213, 94, 0],
  [204, 121, 167],
];
/** Neighbours on the circle by the golden angle differ most. */
const GOLDEN_ANGLE = 137.508;

function colourOf(index: number): Colour {
  const listed = COLOURS[index - 1];
  if (listed !== undefined) return listed;
  const hue = (index * GOLDEN_ANGLE) % 360;
  const part = (shift: number): number => {
    const place = (shift + hue / 30) % 12;
    return Math.round(255 * (0.62 - 0.33 * Math.max(-1, Math.min(place - 3, 9 - place, 1))));
  };
  return [part(0), part(8), part(4)];
}

interface EncodedPicture {
  readonly width: number;
  readonly height: number;
  readonly uri: string;
}

function figure(picture: EncodedPicture, { plane, index }: SliceView, shape: Triple, shown: QualityCase): string {
  const name = `${plane[0]?.toUpperCase()}${plane.slice(1)}`;
  const place = `slice ${index + 1} of ${shape[axisAlong(plane)]}`;
  const outlined = shown.measured.filter(({ voxels }) => voxels > 0).map((label) => label.name);
  const alt = `${name} ${place}${outlined.length === 0 ? ", without labels" : ` with outlines of ${outlined.join(", ")}`}`;
  const letters = EDGES[plane].map((letter, side) => `<i class="${["left", "right", "top", "bottom"][side]}">${letter}</i>`).join("");
  const { width, height, uri } = picture;
  const img = `<img src="${uri}" width="${width}" height="${height}" alt="${escapeMarkup(alt)}">`;
  return `<figure style="flex:${width} 1 0;max-width:${width}px"><div class="slice">${img}<span aria-hidden="true">${letters}</span></div><figcaption>${name} <small>${place}</small></figcaption></figure>`;
}

function volumeTable({ measured }: QualityCase): string {
  const rows = measured.map(({ name, value, voxels, mm3 }, index) => {
    const swatch = `<span class="swatch" style="background:rgb(${colourOf(index + 1).join(" ")})"></span>`;
    const cells = [String(value), voxels.toLocaleString("en-US"), formatMm3(mm3)].map((text) => `<td class="number">${text}</td>`);
    return `<tr><th scope="row">${swatch}${escapeMarkup(name)}</th>${cells.join("")}</tr>`;
  });
  const head = ["label", "value", "voxels", "mm³"].map(
    (text, index) => `<th scope="col"${index > 0 ? ' class="number"' : ""}>${text}</th>`,
  );
  return `<section><h2>Volumes</h2><div class="scroll"><table><thead><tr>${head.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div></section>`;
}

function formatMm3(mm3: number): string {
  const digits = mm3 < 1000 ? 1 : 0;
  return mm3.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function factTable({ image: { shape, spacing }, facts }: QualityCase): string {
  const all = [
    ["voxels", shape.join(" × ")],
    ["spacing", `${spacing.map((length) => Number(length.toPrecision(4))).join(" × ")} mm`],
    ...facts,
  ] as const;
  const rows = all.map(([name, value]) => `<tr><th scope="row">${escapeMarkup(name)}</th><td>${escapeMarkup(value)}</td></tr>`);
  return `<section><h2>Case</h2><div class="scroll"><table class="facts"><tbody>${rows.join("")}</tbody></table></div></section>`;
}
