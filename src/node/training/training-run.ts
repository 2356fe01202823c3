/** What is known of a run before its first step, whatever it trains. */
import type { CancelSignal } from "../../runtime/session.js";
import type { EarlierLog } from "../../tasks/training/checkpoint-state.js";
import type { LearningOptions, LearningRun, RunSettings } from "../../tasks/training/learning.js";
import type { EpochRow, Metric } from "../../train/history.js";
import type { LoopEnd } from "../../train/loop.js";
import type { RunWriter } from "../run-folder.js";

/** Where a run takes place, and who watches it. */
export interface RunOptions<E> extends LearningOptions<E> {
  /** Directory of the run, new or empty. Default: `runs/<model>-<n>`, with the first number n that is free. */
  readonly out?: string;
  /**
   * Ends the run, at the latest after the step, batch or file under way. Before the first step the call rejects with `signal.reason`;
   * from then on it saves a checkpoint and resolves with `end` "interrupted".
   */
  readonly signal?: CancelSignal;
  /** Look for leaks and copies byte for byte, empty files and unequal classes among images first, and warn of them. Default: true. */
  readonly checkData?: boolean;
  /** Fetch `https:` URLs, of images too; without it they are rejected. Default: false. */
  readonly allowHttps?: boolean;
}

export interface ResumeOptions<E> extends RunOptions<E> {
  /** Directory of the run. */
  readonly out: string;
  /** Another number of epochs, more than are done. Default: the run's. */
  readonly epochs?: number;
}

/** A run that ended, with its best epoch. */
export interface TrainedRun {
  readonly run: string;
  readonly end: LoopEnd;
  /** Epochs done. */
  readonly epochs: number;
  readonly steps: number;
  /** The epoch that `best` holds; null before the first. */
  readonly best: EpochRow | null;
  readonly final: EpochRow | null;
  /** One row for each epoch of the run. */
  readonly history: readonly EpochRow[];
  /** Selects the best epoch. */
  readonly metric: Metric;
  /** Mean wall time of the steps that this call took; null where it took none. */
  readonly secondsPerStep: number | null;
  /** Where the report is. */
  readonly report: string;
}

/** A run that has its directory. */
export interface StartedRun<S extends RunSettings, E> extends LearningRun<S, E> {
  readonly earlier: EarlierLog;
  readonly writer: RunWriter;
  readonly options: ResumeOptions<E>;
}
