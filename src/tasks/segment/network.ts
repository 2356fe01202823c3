import type { SegmentationConfig, Triple } from "../../data/index.js";
import { InceptionError, messageOf } from "../../errors.js";
import { describeAtSize } from "../../models/custom.js";
import type { ModelMetadata } from "../../predict/model-metadata.js";
import { neededStatistics } from "../../predict/segmentation-file.js";
import type { SourceOptions } from "../../runtime/platform.js";
import type { CancelSignal, Session, SessionOptions } from "../../runtime/session.js";
import type { WindowNetwork } from "../../segment/index.js";
import { float32Tensor } from "../../tensor/tensor.js";
import type { LoadedModel, ModelHost, OpenModelOptions } from "../model-host.js";
import { isOnnx, type ModelSource, modelName } from "../model-source.js";
import { openPrepared, resolveModel, taskOf } from "../open-described.js";
import { openModel } from "../open-model.js";
import type { PreparedModel } from "../prepare-model.js";

export interface SegmenterOptions extends Omit<OpenModelOptions, "outputs" | "preprocessing"> {
  /** Voxels along x, y and z that the network runs on at once. Default: as it was trained. An exported patch has its own. */
  readonly patchSize?: Triple;
}

/** A network that segments, ready to run, and what it says about volumes. */
export interface SegmentationNetwork {
  readonly session: Session;
  readonly metadata: ModelMetadata;
  readonly recipe: SegmentationConfig;
  /** Voxels along x, y and z of a window; null for a file that takes whole volumes of any size. */
  readonly window: Triple | null;
}

const OUTPUT = "logits";
const INPUT = "input";

/**
 * Open a model as a network for windows.
 *
 * @throws InceptionError OPTION_INVALID for a model that does not segment, whose classes are not those of its recipe, or that has
 *   another patch; as `loadModel`
 */
export async function openNetwork<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  options: SegmenterOptions & F & P,
): Promise<SegmentationNetwork> {
  const { patchSize } = options;
  const model = modelName(source);
  if (isOnnx(source)) return checked(await openModel(host, source, options), model, patchSize);
  const prepared = await resolveModel(host, source, options);
  const patch = patchSize ?? recipeOf(prepared.metadata, model).patchSize;
  return checked(await openPrepared(host.platform, describedAt(prepared, patch), { ...options, outputs: [OUTPUT] }), model, patch);
}

function recipeOf(metadata: ModelMetadata, model: string, takesImages = false): SegmentationConfig {
  if (metadata.segmentation !== undefined) return metadata.segmentation;
  const task = taskOf(metadata);
  if ((task !== null && task !== "segment") || takesImages) {
    const message = `Cannot segment with "${messageOf(model)}": it is a network for images; use ${task ?? "classify"}`;
    throw new InceptionError("OPTION_INVALID", message, { model });
  }
  const fact = "it does not say how volumes become its input and classes labels";
  const message = `Cannot segment with "${messageOf(model)}": ${fact}, expected a run of \`trainSegmentation\`, a file exported from one, or hippocampus`;
  throw new InceptionError("OPTION_INVALID", message, { model });
}

/** The same network for another size of the input, in voxels along x, y and z. */
export function describedAt(prepared: PreparedModel, [x, y, z]: Triple): PreparedModel {
  const { metadata, graph } = prepared;
  const inputSize = [z, y, x];
  if (graph.inputs[0]?.type.shape.slice(2).join() === inputSize.join()) return prepared;
  const options = { ...metadata.options, inputSize };
  return { ...prepared, graph: describeAtSize(metadata, inputSize), metadata: { ...metadata, options } };
}

/** What the session takes and gives must be what the recipe says. */
async function checked({ session, metadata }: LoadedModel, model: string, patchSize?: Triple): Promise<SegmentationNetwork> {
  try {
    const recipe = recipeOf(metadata, model, session.inputs[0]?.shape.length === 4);
    const [input, logits] = [session.inputs.find(({ name }) => name === INPUT), session.outputs.find(({ name }) => name === OUTPUT)];
    const refused = (fact: string, law: string): InceptionError =>
      new InceptionError("OPTION_INVALID", `Cannot segment with "${messageOf(model)}": ${fact}, expected ${law}`, { model });
    if (input?.shape.length !== 5 || logits?.shape.length !== 5) {
      throw refused("it is not a network for volumes", `an ${INPUT} [N, C, D, H, W] and ${OUTPUT} [N, classes, D, H, W]`);
    }
    const [channels, classes] = [recipe.normalization.length, recipe.labelValues.length];
    if (input.shape[1] !== channels)
      throw refused(`its ${INPUT} has ${input.shape[1]} channels`, `${channels} as its configuration specifies`);
    if (logits.shape[1] !== classes)
      throw refused(`its ${OUTPUT} have ${logits.shape[1]} classes`, `${classes} as its configuration specifies`);
    checkStatistics(session, metadata, recipe, refused);
    if (metadata.rawInput === "volume") {
      if (patchSize === undefined) return { session, metadata, recipe, window: null };
      throw refused("it takes whole volumes", "no patch size");
    }
    return { session, metadata, recipe, window: windowOf(input.shape.slice(2), patchSize ?? recipe.patchSize, refused) };
  } catch (thrown) {
    await session.close();
    throw thrown;
  }
}

/** A file for raw patches takes the statistics of its recipe, all others the volume alone. */
function checkStatistics(
  { inputs }: Session,
  { rawInput }: ModelMetadata,
  recipe: SegmentationConfig,
  refused: (fact: string, law: string) => InceptionError,
): void {
  const wanted = [INPUT, ...(rawInput === "patch" ? neededStatistics(recipe) : [])];
  const names = inputs.map(({ name }) => name);
  if (wanted.length === names.length && wanted.every((name) => names.includes(name))) return;
  throw refused(`its inputs are ${names.join(", ")}`, `${wanted.join(", ")} as its configuration specifies`);
}

/** Sizes that the file leaves open take the wanted ones. */
function windowOf(sizes: readonly (number | string)[], wanted: Triple, refused: (fact: string, law: string) => InceptionError): Triple {
  const [depth, height, width] = sizes.map((size, axis) => (typeof size === "number" ? size : (wanted[2 - axis] ?? 1)));
  if (depth === wanted[2] && height === wanted[1] && width === wanted[0]) return wanted;
  throw refused(`it runs on patches of ${[width, height, depth].join(" x ")}`, wanted.join(" x "));
}

/**
 * The network as what `segmentWindows` runs.
 *
 * @param window - voxels along x, y and z of its input
 * @param statistics - for each further input a number per channel
 */
export function windowNetwork(
  { session, recipe }: SegmentationNetwork,
  [x, y, z]: Triple,
  statistics: Readonly<Record<string, Float32Array>>,
  signal?: CancelSignal,
): WindowNetwork {
  const channels = recipe.normalization.length;
  const options = { fetches: [OUTPUT], transfer: true, ...(signal === undefined ? {} : { signal }) };
  return {
    channels,
    classes: recipe.labelValues.length,
    run: async (window) => {
      // Feeds are given away: the statistics are needed again.
      const others = Object.entries(statistics).map(([name, values]) => [name, float32Tensor([1, channels], values.slice())] as const);
      const feeds = { ...Object.fromEntries(others), [INPUT]: float32Tensor([1, channels, z, y, x], window) };
      const { [OUTPUT]: logits } = await session.run(feeds, options);
      if (logits?.data instanceof Float32Array) return logits.data;
      throw new InceptionError("SESSION_FAILED", `Cannot segment a window: ${OUTPUT} are ${logits?.dtype ?? "missing"}, expected float32`);
    },
  };
}
