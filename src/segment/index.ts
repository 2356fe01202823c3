/** Labeled volumes without a platform: how well they agree, how they are cleaned, how a network goes over large ones. */

export { percentile } from "../data/volumes/percentile.js";
export { type AccumulatorOptions, type LabelSlab, type Slab, WindowAccumulator } from "./accumulate.js";
export { CASE_WARNING_CODES, type CaseWarning, type CaseWarningCode, checkInput, checkLabelVolumes } from "./case-warnings.js";
export {
  type CleaningOptions,
  CONNECTIVITIES,
  type Components,
  type Connectivity,
  connectedComponents,
  fillHoles,
  keepLargestComponents,
} from "./components.js";
export { distanceTransform } from "./distance.js";
export {
  type CaseStatistics,
  caseStatistics,
  type Fingerprint,
  fingerprintOf,
  type Intensities,
  type LabelFacts,
  type MinMedianMax,
  trainingStatistics,
} from "./fingerprint.js";
export {
  type LabelMean,
  type LabelScore,
  meanOverLabels,
  meanScores,
  PERCENTILE_RULES,
  type PercentileRule,
  type SegmentationOptions,
  scoreSegmentation,
} from "./metrics.js";
export { checkMirrorAxes } from "./mirror-axes.js";
export { type PlanOverrides, planTraining, type SegmentationPlan } from "./plan.js";
export { type SegmentedWindows, type SegmentWindowsOptions, segmentWindows, type WindowNetwork } from "./segment-windows.js";
export { type SurfaceDistances, surfaceDistances, surfaceVoxels } from "./surface.js";
export type { LabelVolume, Triple } from "./volume.js";
export {
  cutWindow,
  type Mirroring,
  mirrorings,
  mirrorVolume,
  planWindows,
  WINDOW_WEIGHTS,
  type WindowPlan,
  type WindowPlanOptions,
  type WindowWeights,
  windowStart,
  windowWeights,
} from "./windows.js";
