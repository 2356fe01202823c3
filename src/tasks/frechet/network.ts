/** The network whose features are compared: Inception-v3 of 2015, averaged at one of four places. */
import { compileInference } from "../../compile/compile.js";
import { PREPROCESSING, type Preprocessing } from "../../data/index.js";
import { InceptionError } from "../../errors.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import { FEATURE_SIZES, type FeatureSize, type FrechetMode, MODE_PREPROCESSING } from "../../frechet/index.js";
import { type Graph, typeOf } from "../../ir/graph.js";
import { selectOutputs } from "../../ir/prune.js";
import { rewriteGraph } from "../../ir/rewrite.js";
import { findModel } from "../../models/index.js";
import { GraphBuilder } from "../../ops/build.js";
import { checkGraph } from "../../ops/index.js";
import { callOf, untilAborted } from "../../runtime/abort.js";
import type { CallOptions, FileInput, Platform, SourceOptions } from "../../runtime/platform.js";
import type { Session, SessionOptions } from "../../runtime/session.js";
import type { Tensor } from "../../tensor/tensor.js";
import { openSession, type SessionOpener } from "../open-session.js";
import { type PreparedModel, prepareModel } from "../prepare-model.js";

/** A network that computes features of images. `openFrechetNetwork` opens the default one; others can be passed instead. */
export interface FeatureNetwork {
  /** Values of an image's features. */
  readonly features: number;
  /** Logits of an image, of which an inception score is made; null where there are none. */
  readonly classes: number | null;
  /** How an image becomes the input. */
  readonly recipe: Preprocessing;
  /** Whose numbers its features are; null for another network. */
  readonly mode: FrechetMode | null;
  /** SHA-256 of the weights, so that saved statistics of other weights are rejected; null if unknown. */
  readonly weightsSha256: string | null;
  /**
   * @param input - [N, 3, H, W] as the preprocessing makes it; its buffer is transferred
   * @returns one row per image: [N, features] and [N, classes]
   */
  run(input: Tensor, options?: CallOptions): Promise<{ readonly features: Float32Array; readonly logits: Float32Array | null }>;
  close(): Promise<void>;
}

/** Which features are computed, and where. */
export interface FeatureNetworkOptions extends SessionOptions, CallOptions {
  /** Default pytorch-fid. */
  readonly mode?: FrechetMode;
  /** Default 2048. */
  readonly features?: FeatureSize;
  /** Whether logits are computed too. Default false. */
  readonly logits?: boolean;
}

/** Which weights are wanted, for messages. */
export const FRECHET_WEIGHTS = "pretrained, or the file pt_inception-2015-12-05-6726825d.pth of pytorch-fid";

/** The stage whose map each size is the average of: pytorch-fid's output blocks 0 to 2. Block 3 is the network's own features. */
const TAPS = { 64: "maxpool1", 192: "maxpool2", 768: "Mixed_6e" } as const;
const MODEL = "inception_v3.fid";
/** The head's bias, which inception scores leave out. */
const BIAS = "fc.bias";

/**
 * Opens the network of Fréchet distances with pytorch-fid's weights.
 *
 * @param weights - `pretrained`, which with `allowHttps` downloads pytorch-fid's file; or where that is: a path, or an `https:` URL
 * @throws InceptionError as `loadModel`
 */
export async function openFeatureNetwork<F extends SourceOptions>(
  platform: Pick<Platform<F>, "createSession" | "openWeights">,
  weights: FileInput,
  sources: F,
  options: FeatureNetworkOptions,
): Promise<FeatureNetwork> {
  const prepared = await untilAborted(options.signal, prepareModel(platform, findModel(MODEL), weights, sources));
  return openPreparedFeatures(platform, prepared, options);
}

/** The same for weights that were read already. */
export async function openPreparedFeatures(
  platform: SessionOpener,
  { graph, parameters, metadata }: Pick<PreparedModel, "graph" | "parameters" | "metadata">,
  options: FeatureNetworkOptions,
): Promise<FeatureNetwork> {
  const { mode = "pytorch-fid", features = 2048, logits = false, device = "auto", threads = 0 } = options;
  const bias = logits ? biasOf(parameters) : null;
  const network = featureGraph(graph, features, logits);
  const bytes = concatChunks(compileInference(network, parameters).chunks);
  const session = await openSession(platform, bytes, { device, threads, name: metadata.model, ...callOf(options) });
  return {
    features,
    classes: bias === null ? null : bias.length,
    recipe: PREPROCESSING[MODE_PREPROCESSING[mode]],
    mode,
    weightsSha256: metadata.weightsSha256,
    run: (input, call = {}) => runFeatures(session, input, bias, call),
    close: () => session.close(),
  };
}

function biasOf(parameters: ReadonlyMap<string, Tensor>): Float32Array {
  const data = parameters.get(BIAS)?.data;
  if (data instanceof Float32Array) return data;
  throw new InceptionError("OPTION_INVALID", `Cannot compute Inception Scores: the network has no ${BIAS}`, {});
}

/**
 * The network with one output "features" [N, size], the global averages of a map, and with "logits" where they are wanted.
 *
 * @throws InceptionError OPTION_INVALID for a size that it does not have
 */
export function featureGraph(graph: Graph, size: FeatureSize, logits: boolean): Graph {
  const outputs = ["features", ...(logits ? ["logits"] : [])];
  if (size === 2048) return checkGraph(selectOutputs(graph, outputs));
  const stage = graph.stages.find(({ path }) => path === TAPS[size]);
  if (stage === undefined) {
    const law = `expected a network with stage ${TAPS[size]}; sizes are ${FEATURE_SIZES.join(", ")}`;
    throw new InceptionError("OPTION_INVALID", `Cannot use ${size} features of "${graph.name}": ${law}`, { size });
  }
  const b = new GraphBuilder(graph.name);
  const { shape, dtype } = typeOf(graph, stage.output);
  const pooled = b.add("globalAveragePool", "frechet.pool", [b.input(stage.output, shape, dtype)], {});
  const rows = b.add("flatten", "frechet.features", [pooled], {});
  const { nodes, types } = b.draft();
  const extended = rewriteGraph(graph, {
    nodes: [...graph.nodes, ...nodes.map((node) => ({ ...node, stage: stage.path }))],
    outputs: [{ name: "features", value: rows.id }, ...graph.outputs.filter(({ name }) => name === "logits")],
    types,
  });
  return checkGraph(selectOutputs(extended, outputs));
}

async function runFeatures(session: Session, input: Tensor, bias: Float32Array | null, call: CallOptions) {
  const [name] = session.inputs.map((info) => info.name);
  const fetches = bias === null ? ["features"] : ["features", "logits"];
  const results = await session.run({ [name ?? "input"]: input }, { fetches, transfer: true, ...callOf(call) });
  const features = results.features?.data;
  const logits = results.logits?.data;
  if (!(features instanceof Float32Array)) throw new InceptionError("SESSION_FAILED", "Cannot read features: they are not float32", {});
  if (bias === null) return { features, logits: null };
  if (!(logits instanceof Float32Array)) throw new InceptionError("SESSION_FAILED", "Cannot read logits: they are not float32", {});
  return { features, logits: logits.map((value, at) => value - bias[at % bias.length]!) };
}
