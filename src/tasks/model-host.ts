/** What opening a model takes and gives. */

import { InceptionError } from "../errors.js";
import type { RunLimits } from "../formats/onnx/run-limits.js";
import { quoted } from "../formats/quoted.js";
import type { ModelMetadata } from "../predict/model-metadata.js";
import type { FileInput, Platform, SourceOptions } from "../runtime/platform.js";
import type { Session, SessionOptions } from "../runtime/session.js";
import type { WeightReport } from "../weights/apply.js";
import type { PreparedModel, PrepareOptions } from "./prepare-model.js";

/** Which checkpoint of a run: the epoch with the best metric, the last one, or an epoch that was kept, by its number. */
export type CheckpointChoice = "best" | "last" | number;

export interface OpenModelOptions extends PrepareOptions {
  /** The weights: required with a model id, rejected with a file, a run or a bundled model, which have their own. */
  readonly weights?: FileInput;
  /** Which checkpoint of a run; rejected with anything else. Default: `best`, or `last` where no epoch was finished. */
  readonly checkpoint?: CheckpointChoice;
  /** Outputs to compute, by name; of a network also by the path of a module. Default: all. */
  readonly outputs?: readonly string[];
  /** Run the self-check embedded in an exported model, and reject the model where this machine computes something else. Default: true. */
  readonly selfCheck?: boolean;
  /** Of an `.onnx` file: what one run may take, see `RunLimits` for the defaults. Networks described by inceptionkit have no limits. */
  readonly limits?: Partial<RunLimits>;
}

/** A network that is ready to run. Close it to free its memory. */
export interface LoadedModel {
  readonly session: Session;
  readonly metadata: ModelMetadata;
  /** How file and network matched; null for an ONNX file. */
  readonly report: WeightReport | null;
  /** Difference from the file's self-check in units of its standard deviation; null where there is none or it was not run. */
  readonly selfCheck: number | null;
  close(): Promise<void>;
}

/** A kind of model that is known by name and has its own weights. */
export interface ModelKind<F extends SourceOptions> {
  readonly kind: "run" | "bundled model";
  /** Names that it knows, for hints. */
  readonly ids: readonly string[];
  /** Whether a text names such a model. */
  readonly knows: (text: string) => Promise<boolean>;
  readonly prepare: (text: string, options: PrepareOptions & { readonly checkpoint?: CheckpointChoice } & F) => Promise<PreparedModel>;
}

/** A platform, and the models that are known there by name. */
export interface ModelHost<F extends SourceOptions = SourceOptions, P extends SessionOptions = SessionOptions> {
  readonly platform: Platform<F, P>;
  readonly kinds: readonly ModelKind<F>[];
}

/** Options that would have no effect beside a kind of model, and why. An option that is ignored would be a wrong result. */
const FOREIGN_OPTIONS = {
  file: { options: ["weights", "options", "checkpoint", "allow"], reason: "a file has its own" },
  run: { options: ["weights", "options", "allow"], reason: "a run has its own" },
  "bundled model": { options: ["weights", "options", "checkpoint", "allow"], reason: "a bundled model has its own" },
  "opened model": { options: ["weights", "options", "checkpoint", "allow"], reason: "it has its own" },
  network: { options: ["checkpoint"], reason: "its weights are in a file, expected a run directory" },
} as const;

export function rejectForeign(kind: keyof typeof FOREIGN_OPTIONS, model: string, given: OpenModelOptions): void {
  const { options, reason } = FOREIGN_OPTIONS[kind];
  const isGiven = (name: (typeof options)[number]): boolean => {
    const value = given[name];
    return name === "weights" || typeof value !== "object" ? value !== undefined : Object.keys(value).length > 0;
  };
  const foreign = options.filter(isGiven);
  if (foreign.length === 0) return;
  const message = `Cannot use ${foreign.join(" and ")} with ${kind} ${quoted(model)}: ${reason}`;
  throw new InceptionError("OPTION_INVALID", message, { model, foreign });
}
