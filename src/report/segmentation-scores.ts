/** The page of scored label maps: how well a set of segmentations agrees with the ground truth. */
import { type LabelScore, meanOverLabels, meanScores } from "../segment/index.js";
import { columns, type Fact, type Figure, factSection, page } from "./page.js";
import { meanDice, scoredSetSections } from "./scored-set.js";

/** Everything that the page shows. Texts may be anything: they are escaped. */
interface ScoredSegmentations {
  readonly title: string;
  readonly cases: readonly { readonly id: string; readonly classes: readonly LabelScore[] }[];
  /** Of the surface Dice, in millimeters. */
  readonly toleranceMm: number;
  /** Cases that could not be scored. */
  readonly failed: readonly { readonly id: string; readonly reason: string }[];
  /** Where the scores come from: name and value. */
  readonly facts: readonly Fact[];
}

/** A page of the scores of `cases`, of which there is at least one. */
export function segmentationScoresPage({ title, cases, toleranceMm, failed, facts }: ScoredSegmentations): string {
  const values = [...new Set(cases.flatMap(({ classes }) => classes.map(({ label }) => label)))].toSorted((a, b) => a - b);
  const classes = [...new Set([0, ...values])].map((value) => ({ value, name: `label ${value}` }));
  const count = (length: number): string => `${length.toLocaleString("en-US")} ${length === 1 ? "case" : "cases"}`;
  return page({
    title,
    status:
      failed.length === 0
        ? { text: `${count(cases.length)} scored`, tone: "good" }
        : { text: `${count(failed.length)} failed`, tone: "warn" },
    lead: `Predicted label maps compared with the ground truth, ${count(cases.length)} on their own grids`,
    figures: figuresOf(cases, toleranceMm),
    markup: [
      ...scoredSetSections({ classes, cases }),
      ...(failed.length === 0
        ? []
        : [
            factSection(
              "Not scored",
              failed.map(({ id, reason }): Fact => [id, reason]),
            ),
          ]),
      columns(factSection("Conventions", conventions(toleranceMm)), factSection("Run", facts)),
    ],
  });
}

function figuresOf(cases: ScoredSegmentations["cases"], toleranceMm: number): readonly Figure[] {
  const means = meanScores(cases.map(({ classes }) => classes));
  const dice = cases.flatMap(({ id, classes }) => {
    const mean = meanDice(classes);
    return mean === null ? [] : [{ id, mean }];
  });
  const sorted = dice.toSorted((a, b) => a.mean - b.mean);
  const [lowest] = sorted;
  const median = medianOf(sorted.map(({ mean }) => mean));
  const shown = (value: number | null, digits: number): string => (value === null ? "–" : value.toFixed(digits));
  return [
    { value: shown(meanOverLabels(means, "dice"), 4), name: "mean Dice over labels", tone: "good" },
    ...(median === null ? [] : [{ value: median.toFixed(4), name: "median Dice of a case" }]),
    ...(lowest === undefined ? [] : [{ value: lowest.mean.toFixed(4), name: `lowest, ${lowest.id}` }]),
    { value: `${shown(meanOverLabels(means, "hd95"), 2)} mm`, name: "HD95" },
    { value: shown(meanOverLabels(means, "surfaceDice"), 4), name: `surface Dice at ${toleranceMm} mm` },
  ];
}

function medianOf(sorted: readonly number[]): number | null {
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

function conventions(toleranceMm: number): readonly Fact[] {
  return [
    ["Surface", "voxels with at least one of six faces towards a voxel outside the mask"],
    ["Distances", "between voxel centers, in millimeters, with the spacing of each axis"],
    ["HD95", "95th percentile in each direction, the larger one"],
    ["Surface Dice", `fraction of the surface voxels within ${toleranceMm} mm of the other surface`],
    ["Missed and false-positive labels", "Dice 0; distances are the diagonal of the volume"],
    ["Means", "over the cases with the label, then over labels with equal weight"],
  ];
}
