/** The long computations around a network's windows, as plain data, so that a thread can do them. */
import { restoreLabels, type SegmentationConfig, type Volume, type VolumeGrid } from "../../data/index.js";
import { clearOutside } from "../../data/volumes/scan.js";
import type { RawInput } from "../../predict/segmentation-file.js";
import type { PictureEncoder } from "../../report/picture.js";
import { type QualityCase, qualityPage } from "../../report/segmentation.js";
import { type CarriedError, carriedError } from "../../runtime/messages.js";
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
  readonly page: QualityCase;
}

/** What each task gives. */
export interface CaseResults {
  readonly prepare: PreparedCase;
  readonly finish: {
    readonly labels: Volume;
    readonly measured: readonly LabelStatistics[];
    readonly probabilities: readonly Volume[] | null;
  };
  readonly page: string;
}

export type CaseTaskKind = keyof CaseTasks;

/** What a thread is started with. */
export interface CaseWork<K extends CaseTaskKind> {
  readonly kind: K;
  readonly task: CaseTasks[K];
}

export type CaseReply<K extends CaseTaskKind> =
  | { readonly kind: "done"; readonly result: CaseResults[K] }
  | { readonly kind: "failed"; readonly error: CarriedError };

const PERFORM: {
  readonly [K in CaseTaskKind]: (task: CaseTasks[K], encode: PictureEncoder) => CaseResults[K] | Promise<CaseResults[K]>;
} = {
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
  page: (shown, encode) => qualityPage(shown, encode),
};

/**
 * Performs a task in the thread that calls.
 *
 * @param encode - what makes files of pictures
 */
export async function performCaseTask<K extends CaseTaskKind>(
  { kind, task }: CaseWork<K>,
  encode: PictureEncoder,
): Promise<CaseResults[K]> {
  return PERFORM[kind](task, encode);
}

/** Performs a task in a thread where it would block the calling one for long. `moved`: memory that nothing needs here any more. */
export type CaseThread = <K extends CaseTaskKind>(
  kind: K,
  task: CaseTasks[K],
  voxels: number,
  moved?: ReadonlySet<ArrayBuffer>,
) => Promise<CaseResults[K]>;

/** The same, with what was thrown as data. */
export async function caseReply<K extends CaseTaskKind>(work: CaseWork<K>, encode: PictureEncoder): Promise<CaseReply<K>> {
  try {
    return { kind: "done", result: await performCaseTask(work, encode) };
  } catch (thrown) {
    return { kind: "failed", error: carriedError(thrown, "Cannot segment a volume", {}) };
  }
}

/** Memory of arrays in plain data, each buffer once: what can be moved to another thread with it. */
export function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): ReadonlySet<ArrayBuffer> {
  if (ArrayBuffer.isView(value)) {
    // A view of a part shares its buffer with others, which would lose it.
    if (value.buffer instanceof ArrayBuffer && value.byteLength === value.buffer.byteLength) found.add(value.buffer);
  } else if (typeof value === "object" && value !== null) for (const item of Object.values(value)) buffersOf(item, found);
  return found;
}
