import type { Target } from "../../compile/targets/index.js";
import type { SplitNetwork } from "../../compile/training/frozen.js";
import type { TrainingOptions } from "../../compile/training/options.js";
import { type CompiledTraining, compileTraining, initialState } from "../../compile/training/training.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import type { Graph, Parameter } from "../../ir/graph.js";
import { decays, type Optimizer, optimizerOf } from "../../optim/index.js";
import type { Platform, SourceOptions } from "../../runtime/platform.js";
import type { SessionOptions } from "../../runtime/session.js";
import type { Trainer, TrainerOptions } from "../../runtime/trainer.js";
import type { Tensor } from "../../tensor/tensor.js";
import { layerDecayFactors, learningRateFactors, trainedParameters } from "../../train/freeze.js";
import type { MaskFeed } from "../../train/masks.js";
import type { TrainingSettings } from "../../train/settings.js";

/** The optimizer of each parameter: with weight decay where the settings want it. */
function optimizerChoice({
  optimizer,
  weightDecayOn,
}: Pick<TrainingSettings, "optimizer" | "weightDecayOn">): (parameter: Parameter) => Optimizer {
  const decayed = optimizerOf(optimizer);
  const plain = optimizer.weightDecay === undefined ? decayed : optimizerOf({ ...optimizer, weightDecay: 0 });
  return ({ role }) => (decays(role, weightDecayOn) ? decayed : plain);
}

/** The settings that become part of the programs. */
export type CompiledSettings = Pick<
  TrainingSettings,
  | "accumulate"
  | "batchSize"
  | "batchNormDecay"
  | "checkpointActivations"
  | "clipNorm"
  | "clipValue"
  | "weightDecayOn"
  | "emaDecay"
  | "freezeBatchNorm"
  | "optimizer"
> &
  Partial<Pick<TrainingSettings, "auxWeight" | "labelSmoothing">>;

/** How each parameter of a network is trained. */
interface ParameterRules {
  readonly isTrained: (parameter: Parameter) => boolean;
  /** Factor on the learning rate. */
  readonly learningRateMultiplier: (parameter: Parameter) => number;
}

/** @throws InceptionError OPTION_INVALID for settings that do not fit the network */
export function parameterRules(
  network: Graph,
  { freeze, layerDecay, learningRateMultipliers }: Pick<TrainingSettings, "freeze" | "layerDecay" | "learningRateMultipliers">,
): ParameterRules {
  const named = learningRateFactors(learningRateMultipliers);
  const byDepth = layerDecayFactors(network, layerDecay);
  return {
    isTrained: trainedParameters(network, freeze),
    learningRateMultiplier: (parameter) => named(parameter) * byDepth(parameter),
  };
}

type ExtraOptions = Pick<TrainingOptions, "targetFormat" | "loss">;

/** The training programs that settings describe for a network or the trained part of one. */
export function compileSettings(
  split: Pick<SplitNetwork, "trained">,
  rules: ParameterRules,
  settings: CompiledSettings,
  target: Target,
  extra: ExtraOptions = {},
): CompiledTraining {
  const { batchSize, labelSmoothing = 0, auxWeight, clipNorm, clipValue, emaDecay, batchNormDecay, freezeBatchNorm } = settings;
  return compileTraining(split.trained, {
    batchSize,
    optimizer: optimizerChoice(settings),
    labelSmoothing,
    ...(auxWeight === undefined ? {} : { auxWeight }),
    batchNormDecay,
    freezeBatchNorm,
    checkpointActivations: settings.checkpointActivations,
    ...rules,
    form: settings.accumulate === 1 ? "step" : "accumulate",
    target,
    ...(clipNorm === null ? {} : { clipNorm }),
    ...(clipValue === null ? {} : { clipValue }),
    ...(emaDecay === null ? {} : { emaDecay }),
    ...extra,
  });
}

interface OpenedTrainer {
  readonly compiled: CompiledTraining;
  readonly trainer: Trainer;
  readonly masks: readonly MaskFeed[];
}

/** What trains on a platform. */
export type TrainingPlatform<F extends SourceOptions = SourceOptions, P extends SessionOptions = SessionOptions> = Pick<
  Platform<F, P>,
  "createSession" | "createTrainer" | "openBatches"
>;

/** Compiles the programs and opens them on ONNX Runtime with the state that `parameters` begins. */
export async function openTrainer(
  platform: Pick<TrainingPlatform, "createTrainer">,
  split: Pick<SplitNetwork, "trained">,
  rules: ParameterRules,
  settings: CompiledSettings,
  parameters: ReadonlyMap<string, Tensor>,
  options: TrainerOptions,
  extra: ExtraOptions = {},
): Promise<OpenedTrainer> {
  const compiled = compileSettings(split, rules, settings, options.device === "webgpu" ? "webgpu" : "ort-cpu", extra);
  const programs = Object.fromEntries(
    Object.entries(compiled.programs).map(([name, { model, state, reads }]) => [name, { model: concatChunks(model.chunks), state, reads }]),
  );
  const trainer = await platform.createTrainer(programs, initialState(compiled, parameters), options);
  const feeds = Object.values(compiled.programs).flatMap((program) => program.feeds);
  const masks = feeds.flatMap(({ name, shape, dropRate }) => (dropRate === undefined ? [] : [{ name, shape, dropRate }]));
  return { compiled, trainer, masks };
}
