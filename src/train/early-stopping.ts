import { type EpochRow, isBetter, type Metric, metricValue } from "./history.js";

/** When to give up on a run that no longer improves. */
export interface EarlyStopping {
  readonly metric: Metric;
  /** Epochs in a row without improvement after which the run ends; at least 1. */
  readonly patience: number;
  /** In the metric's unit: a smaller change is no improvement. Default 0. */
  readonly minDelta?: number;
}

/** Whether training stops early, and the epoch that decides it. */
export interface EarlyStoppingStatus {
  readonly stop: boolean;
  /** Epochs since the last improvement. */
  readonly waited: number;
  /** The epoch that the following ones are held against; null where no epoch has a value yet. */
  readonly reference: EpochRow | null;
}

/**
 * Decides a run by its epochs so far. A pure function of the history, so that a resumed run decides as an uninterrupted one.
 *
 * The reference moves only when an epoch improves on it by more than `minDelta`: a slow creep below that ends the run too.
 * Epochs with no value or NaN are no improvement.
 */
export function checkEarlyStopping(rule: EarlyStopping, history: readonly EpochRow[]): EarlyStoppingStatus {
  let reference: EpochRow | null = null;
  let waited = 0;
  for (const row of history) {
    if (isBetter(rule.metric, metricValue(row, rule.metric), reference && metricValue(reference, rule.metric), rule.minDelta ?? 0)) {
      reference = row;
      waited = 0;
    } else {
      waited++;
    }
  }
  return { stop: waited >= rule.patience, waited, reference };
}
