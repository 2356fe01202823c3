/** What training tells those who watch it. */
import type { ClassifierDifference } from "../../models/classifier.js";
import type { Position } from "../../train/history.js";
import type { TrainingEvent } from "../../train/loop.js";
import type { Evaluation } from "../../train/metrics.js";

/** News of a run: of the loop, and of what comes before it. */
export type RunEvent<E = Evaluation> =
  | TrainingEvent<E>
  | { readonly kind: "preparing"; readonly what: "network" | "programs" }
  | RunStartEvent
  /** The directory of the run exists; from here on it can be resumed. */
  | { readonly kind: "folder"; readonly run: string }
  | { readonly kind: "features"; readonly done: number; readonly total: number }
  | { readonly kind: "scanning"; readonly done: number; readonly total: number }
  | { readonly kind: "validating"; readonly done: number; readonly total: number }
  | { readonly kind: "planned"; readonly lines: readonly string[] }
  | { readonly kind: "saved"; readonly position: Position };

/** The plan of a run, reported once before the first step. */
export interface RunStartEvent {
  readonly kind: "start";
  readonly model: string;
  readonly parameters: number;
  readonly classes: number;
  /** What is counted, in the plural: images, volumes. */
  readonly samples: string;
  readonly trainImages: number;
  readonly valImages: number;
  readonly epochs: number;
  readonly batchesPerEpoch: number;
  readonly stepsPerEpoch: number;
  /** Where it begins; not at 0 where a run is resumed. */
  readonly position: Position;
  /** Parameters that are randomly initialized although weights were given. */
  readonly randomlyInitialized: readonly string[];
  /** Of weights without this network's classifier: its parameters, and tensors of another one, which are not used. */
  readonly classifier?: Pick<ClassifierDifference, "missing" | "foreign">;
}
