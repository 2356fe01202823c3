/** Training without a platform: losses, optimizers, schedules, settings, the loop, measures, checkpoints, reports. */

export type { StateKind, StateTensor, TrainingFeed, TrainingOptions } from "../compile/training/options.js";
export { type CompiledProgram, type CompiledTraining, compileTraining, initialState } from "../compile/training/training.js";
export {
  type AsymmetricOptions,
  asymmetric,
  type BinaryOptions,
  binaryCrossEntropy,
  type CrossEntropyOptions,
  crossEntropy,
  type DiceCrossEntropyOptions,
  type DiceOptions,
  dice,
  diceCrossEntropy,
  type NnunetOptions,
  nnunetDiceCrossEntropy,
  oneHotTargets,
} from "../losses/index.js";
export {
  adadelta,
  adagrad,
  adam,
  adamw,
  type Clipped,
  clipByNorm,
  clipByValue,
  type DecayTarget,
  decays,
  type EmaInputs,
  learningRateAt,
  OPTIMIZERS,
  type Optimizer,
  type OptimizerInputs,
  type OptimizerName,
  type OptimizerSlot,
  type OptimizerUpdate,
  optimizerOf,
  rmsprop,
  rmspropTf,
  SCHEDULES,
  type Schedule,
  type ScheduleName,
  scheduleOf,
  sgd,
  updateEma,
} from "../optim/index.js";
export type { Trainer, TrainerOptions, TrainingProgram } from "../runtime/trainer.js";
export { averagePrecision } from "./average-precision.js";
export {
  type Checkpoint,
  type CheckpointExpectation,
  type CheckpointMeta,
  encodeCheckpoint,
  graphHash,
  type ReadCheckpointOptions,
  readCheckpoint,
  readCheckpointMeta,
} from "./checkpoint.js";
export { classification } from "./classification.js";
export { checkEarlyStopping, type EarlyStopping, type EarlyStoppingStatus } from "./early-stopping.js";
export { learningRateFactors, trainedParameters } from "./freeze.js";
export {
  bestEpoch,
  type EpochRow,
  epochsToKeep,
  isBetter,
  METRICS,
  type Metric,
  metricValue,
  type Position,
  type StepPoint,
} from "./history.js";
export type { JsonData, JsonRecord } from "./json.js";
export {
  evaluate,
  INITIAL_PROGRESS,
  type LoopEnd,
  type LoopOptions,
  type LoopParts,
  type PartialEpoch,
  type Progress,
  type TrainingEvent,
  trainLoop,
} from "./loop.js";
export { dropoutMasks, type MaskFeed, type MaskKey } from "./masks.js";
export {
  ClassificationMetrics,
  type ClassScore,
  type Evaluation,
  type MeasuredBatch,
  type MetricsOptions,
  type Mistake,
  type MultiLabelScores,
  topKCorrect,
} from "./metrics.js";
export { MultiLabelMetrics } from "./multi-label-metrics.js";
export {
  formatDuration,
  formatEpoch,
  formatLoss,
  formatPercent,
  formatProgress,
  formatRate,
  type ProgressNumbers,
  secondsLeft,
} from "./progress.js";
export { RECIPES, type Recipe, type RecipeName } from "./recipes.js";
export { type PatchEvaluation, segmentation, type VolumeBatch } from "./segmentation.js";
export {
  resolveSegmentationSettings,
  SEGMENTATION_SETTINGS,
  type SegmentationSettings,
  type SegmentationSettingsInput,
} from "./segmentation-settings.js";
export {
  resolveSettings,
  runSchedule,
  SETTINGS,
  type StepSettingsInput,
  settingsJson,
  type TrainingSettings,
  type TrainingSettingsInput,
} from "./settings.js";
export type { BatchLoader, FeedSource, LearningTask, Measurement, TrainingBatch } from "./task.js";
