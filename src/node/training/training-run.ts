/** What is known of a run before its first step, whatever it trains. */
import type { CancelSignal } from "../../runtime/session.js";
import type { TrainerOptions } from "../../runtime/trainer.js";
import type { EpochRow } from "../../train/history.js";
import type { LoopEnd } from "../../train/loop.js";
import type { SegmentationSettings } from "../../train/segmentation-settings.js";
import type { TrainingSettings } from "../../train/settings.js";
import type { RunWriter } from "../run-folder.js";
import type { RunStart } from "./checkpoint-state.js";
import type { RunEvent } from "./run-log.js";

/** Settings that every kind of training has. */
export type RunSettings = Omit<Pick<TrainingSettings, keyof TrainingSettings & keyof SegmentationSettings>, "batch">;

/** Where a run takes place, and who watches it. */
export interface RunOptions<E> extends TrainerOptions {
  /** Directory of the run, new or empty. Default: `runs/<model>-<n>`, with the first number n that is free. */
  readonly out?: string;
  /** Data-loading threads; 0 loads on the calling thread. Default: 1. */
  readonly workers?: number;
  /** News: steps, epochs, samples that were skipped, what is being prepared. */
  readonly onEvent?: (event: RunEvent<E>) => void;
  /**
   * Ends the run, at the latest after the step, batch or file under way. Before the first step the call rejects with `signal.reason`;
   * from then on it saves a checkpoint and resolves with `end` "interrupted".
   */
  readonly signal?: CancelSignal;
}

export interface ResumeOptions<E> extends RunOptions<E> {
  /** Directory of the run. */
  readonly out: string;
  /** Another number of epochs, more than are done. Default: the run's. */
  readonly epochs?: number;
}

export interface TrainedRun {
  readonly run: string;
  readonly end: LoopEnd;
  /** Epochs done. */
  readonly epochs: number;
  readonly steps: number;
  /** The epoch that `best` holds; null before the first. */
  readonly best: EpochRow | null;
  readonly final: EpochRow | null;
  /** Mean wall time of the steps that this call took; null where it took none. */
  readonly secondsPerStep: number | null;
  /** Where the report is. */
  readonly report: string;
}

/** A run that has its directory. */
export interface StartedRun<S extends RunSettings, E> extends RunStart {
  readonly settings: S;
  readonly writer: RunWriter;
  readonly options: ResumeOptions<E>;
}
