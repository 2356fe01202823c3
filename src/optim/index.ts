export type { GivenOptions, Option, OptionTable, OptionValue } from "../options.js";
export { adadelta } from "./adadelta.js";
export { adagrad } from "./adagrad.js";
export { adam, adamw } from "./adam.js";
export { type AverageSite, averageParameters } from "./average.js";
export { type Clipped, clipByNorm, clipByValue } from "./clip.js";
export type { Optimizer, OptimizerKind, Slot, Updated, UpdateSite } from "./optimizer.js";
export { OPTIMIZERS, type OptimizerName, optimizerOf } from "./optimizers.js";
export { rmsprop, rmspropTf } from "./rmsprop.js";
export {
  learningRateAt,
  type Progress,
  SCHEDULES,
  type Schedule,
  type ScheduleKind,
  type ScheduleName,
  scheduleOf,
} from "./schedules.js";
export { sgd } from "./sgd.js";
export { DECAY_TARGETS, type DecayTarget, decays } from "./weight-decay.js";
