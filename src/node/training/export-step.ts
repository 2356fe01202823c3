import { type CompiledProgram, initialState, selectTrained } from "../../compile/training/training.js";
import { InceptionError } from "../../errors.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import { decodeModel } from "../../formats/onnx/decode.js";
import { encodeSafetensors } from "../../formats/safetensors.js";
import { isCustom } from "../../models/custom.js";
import type { Model, ModelName, OptionInput, OptionsOf } from "../../models/index.js";
import { describedModel } from "../../tasks/described-model.js";
import type { DescribedModel } from "../../tasks/model-source.js";
import { classCount } from "../../tasks/prepare-model.js";
import { compileSettings, parameterRules } from "../../tasks/training/open-trainer.js";
import { resolveSettings, type StepSettingsInput } from "../../train/settings.js";
import { writeFileAtomic } from "../write-file.js";
import { type NetworkOptions, prepareNetwork } from "./run-network.js";

/** The files of an exported training step. */
export interface ExportedStep {
  /** The program: plain ONNX, standard operators only. */
  readonly file: string;
  readonly bytes: number;
  /** The state that training begins with. */
  readonly stateFile: string;
  readonly stateBytes: number;
  /** Inputs that are fed with each run. */
  readonly feeds: CompiledProgram["feeds"];
  /** Tensors of state that a run replaces. */
  readonly state: number;
}

/**
 * Writes one training step of a network as an ONNX file that any runtime executes, and beside it, with the ending
 * .safetensors, the initial state: flat float32 tensors with the names of the inputs that they are fed to. The metadata of both
 * files lists the feeds and which output becomes which input ("readme" for people, "training" as JSON).
 *
 * Labels are fed as "labels", int32 [batch].
 *
 * @param file - ends in .onnx
 * @param given - settings by name, of `STEP_SETTINGS`; without `weights`, parameters are randomly initialized
 * @throws InceptionError USAGE, OPTION_INVALID, WRITE_FAILED, and those of weights
 *
 * @example
 * ```ts
 * import { exportTrainingStep } from "inceptionkit/node";
 * const options = { numClasses: 3, inputSize: 64, widthMultiplier: 0.125 };
 * await exportTrainingStep("googlenet", "step.onnx", { batchSize: 8, optimizer: "adam" }, { options });
 * ```
 */
export async function exportTrainingStep<N extends ModelName>(
  source: N | DescribedModel,
  file: string,
  given: StepSettingsInput = {},
  options: Omit<NetworkOptions, "options"> & { readonly options?: OptionsOf<N> } = {},
): Promise<ExportedStep> {
  if (!/\.onnx$/i.test(file)) {
    throw new InceptionError("USAGE", `Cannot write a training step to ${file}: expected a name that ends in .onnx`, { file });
  }
  const described = describedModel(source);
  const { model } = described;
  // No data are read; the classes are the network's own.
  const settings = resolveSettings({ ...given, data: "none" });
  const network = await prepareNetwork(described, settings, classesOf(model, { ...described.options, ...options.options }), options);
  const trained = selectTrained(network.graph);
  const compiled = compileSettings({ trained }, parameterRules(network.graph, settings), settings, "standard", {
    targetFormat: "indices",
  });
  const { step } = compiled.programs;
  if (step === undefined) throw new RangeError(`Cannot export a training step of "${model.id}": there is no program "step"`);
  const bytes = concatChunks(step.model.chunks);
  const inputs = new Set([...step.state.map(({ input }) => input), ...step.reads]);
  const state = [...initialState(compiled, network.parameters)].filter(([name]) => inputs.has(name));
  const stateParts = encodeSafetensors(state, Object.fromEntries(decodeModel(bytes, { name: file }).metadata));
  const stateFile = file.replace(/\.onnx$/i, ".safetensors");
  // The program last: where it is, its state is too.
  await writeFileAtomic(stateFile, [stateParts.header, ...stateParts.chunks]);
  await writeFileAtomic(file, [bytes]);
  return { file, bytes: bytes.byteLength, stateFile, stateBytes: stateParts.byteLength, feeds: step.feeds, state: step.state.length };
}

/** The number of classes that the options give a model; embedding networks have none by default. */
function classesOf(model: Model, given: OptionInput): number {
  const { id } = model;
  const option = model.options.numClasses;
  const ofOption = given.numClasses === undefined ? option?.default : option?.parse(given.numClasses);
  const value = isCustom(model) ? classCount(model.describe(given)) : ofOption;
  if (typeof value === "number" && value > 0) return value;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot export a training step of "${id}": it has no classifier; pass \`options.numClasses\``,
    {
      model: id,
    },
  );
}
