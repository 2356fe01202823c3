/** The long computations around a network's windows, as plain data, so that a thread can do them. */
import { restoreLabels, type SegmentationConfig, type Volume, type VolumeGrid } from "../../data/index.js";
import { clearOutside } from "../../data/volumes/scan.js";
import type { RawInput } from "../../predict/segmentation-file.js";
import type { CallTable } from "../../runtime/calls.js";
import { type LabelStatistics, labelStatistics, type SegmentedLabel } from "../../segment/labels.js";
import { type PostprocessingOptions, postprocessLabels } from "./clean.js";
import { type PreparedCase, prepareCase } from "./prepare-case.js";
import { restoreProbabilities } from "./probabilities.js";

/** What each task takes. */
export interface CaseTasks {
  readonly prepare: { readonly channels: readonly Volume[]; readonly recipe: SegmentationConfig; readonly raw: RawInput | undefined };
  readonly finish: {
    /** As of `SegmentedWindows`, on `grid`. */
    readonly classes: Uint16Array;
    readonly probabilities: readonly Float32Array[] | null;
    readonly grid: VolumeGrid;
    /** Of the file, in millimeters. */
    readonly original: VolumeGrid;
    readonly outside: Uint8Array | null;
    readonly labelValues: readonly number[];
    readonly labels: readonly SegmentedLabel[];
    readonly cleaning: PostprocessingOptions;
  };
}

/** What each task gives. */
export interface CaseResults {
  readonly prepare: PreparedCase;
  readonly finish: {
    readonly labels: Volume;
    readonly measured: readonly LabelStatistics[];
    readonly probabilities: readonly Volume[] | null;
  };
}

export const CASE_TABLE: CallTable<CaseTasks, CaseResults> = {
  prepare: ({ channels, recipe, raw }) => prepareCase(channels, recipe, raw),
  finish: ({ classes, probabilities, grid, original, outside, labelValues, labels, cleaning }) => {
    const cleaned = postprocessLabels(restoreLabels(classes, grid, original, labelValues), labelValues, cleaning);
    const restored = clearOutside(cleaned, outside, labelValues[0] ?? 0);
    return {
      labels: restored,
      measured: labelStatistics(restored, labels),
      probabilities: probabilities?.map((values) => restoreProbabilities(values, grid, original)) ?? null,
    };
  },
};

/** The same in a thread, where it would block the calling one for long. `moved`: memory that nothing needs here any more. */
export type CaseThread = {
  readonly [K in keyof CaseTasks]: (task: CaseTasks[K], voxels: number, moved?: ReadonlySet<ArrayBuffer>) => Promise<CaseResults[K]>;
};
