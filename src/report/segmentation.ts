/** The quality-control page of a segmented case: slices with outlines, volumes, and how the case compares with the training cases. */
import type { Triple } from "../data/index.js";
import type { CaseWarning } from "../segment/index.js";
import type { LabelStatistics } from "../segment/labels.js";
import { axisAlong, EDGES, PLANES, type SliceView } from "../segment/slices.js";
import type { Box } from "../segment/volume.js";
import { escapeMarkup } from "../text.js";
import { caseSlices, longestSide, type SlicedCase } from "./case-slices.js";
import { labelSwatch } from "./label-swatch.js";
import { columns, type Fact, type Figure, factSection, note, page, section } from "./page.js";
import type { PictureEncoder } from "./picture.js";
import { type Cell, table } from "./table.js";

/** Everything that a page shows. Texts may be anything: they are escaped. */
export interface QualityCase extends SlicedCase {
  readonly title: string;
  readonly measured: readonly LabelStatistics[];
  /** Shown above everything else; null where the model records nothing to compare with, which the page says too. */
  readonly warnings: readonly CaseWarning[] | null;
  /** Further facts: name and value. */
  readonly facts: readonly Fact[];
}

const DIRECTIONS = "R, L: right and left of the patient. A, P: anterior and posterior. S, I: superior and inferior.";
const CLOSE_UP_SHARE = 0.6;

/**
 * A page for a person to judge a segmentation by: axial, coronal and sagittal slices with outlines, all in one scale, and the
 * volume of each label. Nothing is loaded from elsewhere. Where the labels take little of the volume there are slices of their
 * surroundings too.
 */
export async function qualityPage(shown: QualityCase, encode: PictureEncoder): Promise<string> {
  const { image, whole, near, draw } = caseSlices(shown);
  const slices = async (region: Box): Promise<string> => {
    const drawn = [];
    for (const plane of PLANES) {
      const { view, picture } = draw(plane, region);
      const { width, height } = picture;
      drawn.push(sliceFigure({ width, height, uri: await encode(picture) }, view, image.shape, shown));
    }
    return `<div class="slices">${drawn.join("")}</div>`;
  };
  const closeUp = near !== null && longestSide(near, image.spacing) < CLOSE_UP_SHARE * longestSide(whole, image.spacing) ? near : null;
  const remark = near === null ? "no labels found: center of the volume" : "center of the labels";
  return page({
    title: shown.title,
    status: statusOf(shown.warnings),
    lead: leadOf(shown),
    figures: [plausibility(shown.warnings), ...volumeFigures(shown.measured)],
    markup: [
      ...warningBanner(shown.warnings),
      section("Slices", await slices(whole), remark),
      ...(closeUp === null ? [] : [section("Close-up", await slices(closeUp))]),
      note(DIRECTIONS),
      ...comparedSection(shown.warnings),
      columns(section("Volumes", volumeTable(shown.measured)), factSection("Case", caseStatistics(shown))),
    ],
  });
}

/** Labels that the line below the title names, and volumes in large type; the table has all. */
const MAX_VOLUMES = 5;

function leadOf({ measured, facts }: QualityCase): string {
  const names = measured.length > MAX_VOLUMES ? `${measured.length} labels` : measured.map(({ name }) => name).join(", ");
  const model = facts.find(([name]) => name === "Model")?.[1];
  return `Segmentation${names === "" ? "" : ` of ${names}`}${model === undefined ? "" : ` by ${model}`}`;
}

function statusOf(warnings: readonly CaseWarning[] | null): { readonly text: string; readonly tone?: "good" | "warn" } {
  if (warnings === null) return { text: "not checked" };
  return warnings.length === 0 ? { text: "plausible", tone: "good" } : { text: "check", tone: "warn" };
}

function plausibility(warnings: readonly CaseWarning[] | null): Figure {
  const name = "compared with the training cases";
  if (warnings === null) return { value: "Not checked", name };
  if (warnings.length === 0) return { value: "Plausible", name, tone: "good" };
  return { value: String(warnings.length), name: `${warnings.length === 1 ? "warning" : "warnings"} ${name}`, tone: "warn" };
}

function volumeFigures(measured: readonly LabelStatistics[]): readonly Figure[] {
  return measured.slice(0, MAX_VOLUMES).map(({ name, mm3 }) => ({ value: `${formatMm3(mm3)} mm³`, name }));
}

function warningBanner(warnings: readonly CaseWarning[] | null): readonly string[] {
  if (warnings === null) {
    const text = "Not checked: the model has no statistics of its training cases, so this case cannot be compared with them.";
    return [`<aside class="unchecked" role="note">${text}</aside>`];
  }
  if (warnings.length === 0) return [];
  const items = warnings.map(({ code, message }) => `<li><code>${code}</code> ${escapeMarkup(message)}</li>`).join("");
  const heading = "This case differs from the training cases; its labels may be wrong";
  return [`<aside class="warnings" role="alert"><h2>${heading}</h2><ul>${items}</ul></aside>`];
}

/** The measurements that lie outside, with what is accepted. */
function comparedSection(warnings: readonly CaseWarning[] | null): readonly string[] {
  const title = "Compared with the training cases";
  if (warnings === null) return [];
  if (warnings.length === 0) return [section(title, note("All measurements are within the range of the training cases and its margin."))];
  const range = ([low, high]: readonly [number, number]): string => `${shortNumber(low)} to ${shortNumber(high)}`;
  const rows = warnings.map(({ message, code, measured, accepted, trained }) => [
    { markup: `${escapeMarkup(message.split(" is ")[0] ?? code)} <span class="tag warn">check</span>` },
    shortNumber(measured),
    range(accepted),
    range(trained),
  ]);
  const heads = ["Measured", "Accepted", "Training cases"].map((head) => ({ head, kind: "number" }) as const);
  return [section(title, table(title, { columns: [{ head: "Measurement", kind: "name" }, ...heads], rows }))];
}

function shortNumber(value: number): string {
  return Number(value.toPrecision(4)).toLocaleString("en-US", { maximumFractionDigits: 3 });
}

interface SlicePicture {
  readonly width: number;
  readonly height: number;
  readonly uri: string;
}

function sliceFigure({ width, height, uri }: SlicePicture, { plane, index }: SliceView, shape: Triple, shown: QualityCase): string {
  const name = `${plane[0]?.toUpperCase()}${plane.slice(1)}`;
  const place = `slice ${index + 1} of ${shape[axisAlong(plane)]}`;
  const outlined = shown.measured.filter(({ voxels }) => voxels > 0).map((label) => label.name);
  const alt = `${name} ${place}${outlined.length === 0 ? ", without labels" : ` with outlines of ${outlined.join(", ")}`}`;
  const letters = EDGES[plane].map((letter, side) => `<i class="${["left", "right", "top", "bottom"][side]}">${letter}</i>`).join("");
  const img = `<img src="${uri}" width="${width}" height="${height}" alt="${escapeMarkup(alt)}">`;
  return `<figure style="flex:${width} 1 0;max-width:${width}px"><div class="slice">${img}<span aria-hidden="true">${letters}</span></div><figcaption>${name}, ${place}</figcaption></figure>`;
}

function volumeTable(measured: readonly LabelStatistics[]): string {
  const rows = measured.map(({ name, value, voxels, mm3 }, index): readonly Cell[] => [
    { markup: `${labelSwatch(index + 1, value)}${escapeMarkup(name)}` },
    voxels.toLocaleString("en-US"),
    formatMm3(mm3),
  ]);
  const numbers = ["Voxels", "mm³"].map((head) => ({ head, kind: "number" }) as const);
  return table("Volumes", { columns: [{ head: "Label", kind: "name" }, ...numbers], rows });
}

function formatMm3(mm3: number): string {
  const digits = mm3 < 1000 ? 1 : 0;
  return mm3.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function caseStatistics({ image: { shape, spacing }, facts }: QualityCase): readonly Fact[] {
  return [["Voxels", shape.join(" × ")], ["Spacing", `${spacing.map((length) => Number(length.toPrecision(4))).join(" × ")} mm`], ...facts];
}
