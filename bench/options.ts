/** What `npm run bench -- …` is asked for. */
import { parseArgs } from "node:util";
import { InceptionError, messageOf } from "../src/errors.js";
import type { TrainedModel } from "./peers/networks.js";

/** Networks of images, which "training" trains; that of volumes is measured by "volumes". */
const TRAINED_MODELS = ["inception_resnet_v1", "googlenet", "inception_resnet_v2"] as const satisfies readonly TrainedModel[];

export interface InferenceOptions {
  readonly kind: "inference";
  /** Fewer rounds, and no TensorFlow.js where it takes minutes. */
  readonly quick: boolean;
  /** Also write the results into RESULTS.md. */
  readonly write: boolean;
}

export interface TrainingBenchOptions {
  readonly kind: "training";
  readonly write: boolean;
  readonly models: readonly TrainedModel[];
  /** Steps of each program that are counted. */
  readonly rounds: number;
  readonly threads: number;
  /** Instead of the batch and the input size of each network; null keeps these. */
  readonly batch: number | null;
  readonly size: number | null;
  /** Also measure recomputation of activations, on the first network. */
  readonly recompute: boolean;
  /** Profile all networks and not the first alone. */
  readonly profile: boolean;
}

export interface VolumesBenchOptions extends Pick<TrainingBenchOptions, "write" | "rounds" | "threads" | "batch" | "size"> {
  readonly kind: "volumes";
}

export interface Int8BenchOptions extends Pick<TrainingBenchOptions, "write" | "rounds" | "threads" | "batch"> {
  readonly kind: "int8";
}

export interface SearchBenchOptions extends Pick<TrainingBenchOptions, "write" | "rounds" | "threads"> {
  readonly kind: "search";
}

export interface GuardBenchOptions extends Pick<TrainingBenchOptions, "write" | "rounds" | "threads"> {
  readonly kind: "guard";
  /** The commit that the tree is compared with: whatever git resolves to one. */
  readonly against: string;
}

const FLAGS = {
  quick: { type: "boolean", default: false },
  write: { type: "boolean", default: false },
  recompute: { type: "boolean", default: false },
  profile: { type: "boolean", default: false },
  model: { type: "string", multiple: true },
  rounds: { type: "string" },
  threads: { type: "string" },
  batch: { type: "string" },
  size: { type: "string" },
  against: { type: "string" },
} as const;

const INFERENCE_FLAGS = ["quick", "write"];
const VOLUMES_FLAGS = [...INFERENCE_FLAGS, "rounds", "threads", "batch", "size"];

const INT8_FLAGS = [...INFERENCE_FLAGS, "rounds", "threads", "batch"];
const GUARD_FLAGS = [...INFERENCE_FLAGS, "rounds", "threads", "against"];

const FLAGS_OF = {
  inference: INFERENCE_FLAGS,
  training: Object.keys(FLAGS).filter((name) => name !== "against"),
  volumes: VOLUMES_FLAGS,
  int8: INT8_FLAGS,
  guard: GUARD_FLAGS,
  search: [...INFERENCE_FLAGS, "rounds", "threads"],
} as const;

type Kind = keyof typeof FLAGS_OF;

export type BenchOptions =
  | InferenceOptions
  | TrainingBenchOptions
  | VolumesBenchOptions
  | Int8BenchOptions
  | SearchBenchOptions
  | GuardBenchOptions;

/**
 * @param args - what stands behind the name of the script
 * @param cores - threads that the machine has; two of them are used unless `--threads` says otherwise
 * @throws InceptionError USAGE
 */
export function readBenchOptions(args: readonly string[], cores: number): BenchOptions {
  const { values, positionals } = parsed(args);
  const kind = kindOf(positionals);
  const { quick, write, recompute, profile, against } = values;
  const foreign = Object.keys(values).find((name) => Reflect.get(values, name) !== false && !FLAGS_OF[kind].includes(name));
  if (foreign) {
    const owner = foreign === "against" ? "guard" : "training";
    throw usage(`--${foreign} is for ${owner}, expected "npm run bench -- ${owner} --${foreign} …"`);
  }
  if (kind === "inference") return { kind, quick, write };
  const amounts = {
    rounds: count("rounds", values.rounds) ?? (quick ? 3 : 9),
    threads: count("threads", values.threads) ?? Math.min(2, cores),
    batch: count("batch", values.batch),
    size: count("size", values.size),
  };
  if (kind === "int8") return { kind, write, rounds: amounts.rounds, threads: amounts.threads, batch: amounts.batch };
  if (kind === "search") return { kind, write, rounds: amounts.rounds, threads: amounts.threads };
  if (kind === "volumes") return { kind, write, ...amounts };
  if (kind === "guard") {
    if (against === undefined) throw usage('no commit is given, expected "npm run bench -- guard --against COMMIT"');
    const rounds = count("rounds", values.rounds) ?? (quick ? 7 : 15);
    return { kind, write, rounds, threads: amounts.threads, against };
  }
  return { kind, write, models: values.model?.map(trainedModel) ?? TRAINED_MODELS, ...amounts, recompute, profile };
}

function kindOf(positionals: readonly string[]): Kind {
  const [given = "inference", ...more] = positionals;
  if (more.length === 0 && isKind(given)) return given;
  throw usage(`there is no benchmark "${positionals.join(" ")}", expected inference, training, volumes, int8, search or guard`);
}

function isKind(name: string): name is Kind {
  return Object.hasOwn(FLAGS_OF, name);
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, allowPositionals: true });
  } catch (thrown) {
    throw usage(messageOf(thrown));
  }
}

/** A network by its id; "inception_resnet_v2" is its public form, as everywhere. */
function trainedModel(id: string): TrainedModel {
  const model = TRAINED_MODELS.find((name) => id === name || id === `${name}.public`);
  if (model) return model;
  throw usage(`there is no trained network "${id}", expected one of ${TRAINED_MODELS.join(", ")}`);
}

function count(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw usage(`--${flag} is "${text}", expected an integer of at least 1`);
}

function usage(fact: string): InceptionError {
  return new InceptionError("USAGE", `Cannot run the benchmark: ${fact}`);
}
