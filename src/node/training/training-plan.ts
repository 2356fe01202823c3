/** What a run would do, without doing it. */
import { selectTrained } from "../../compile/training/training.js";
import { trainingBatches } from "../../data/batch.js";
import { type Graph, isTrainable } from "../../ir/graph.js";
import type { ModelName, OptionInput } from "../../models/index.js";
import type { DescribedModel } from "../../tasks/model-source.js";
import type { RunSettings } from "../../tasks/training/learning.js";
import type { RunNetwork } from "../../tasks/training/run-network.js";
import { elementsPerImage } from "../../tensor/shape.js";
import { trainedParameters } from "../../train/freeze.js";
import type { JsonData, JsonRecord } from "../../train/json.js";
import { RECIPES } from "../../train/recipes.js";
import type { SegmentationSettingsInput } from "../../train/segmentation-settings.js";
import { settingsJson, type TrainingSettingsInput } from "../../train/settings.js";
import { patchesOf } from "../volume-batch-maker.js";
import { prepareTraining, type TrainModelOptions } from "./train-model.js";
import { prepareSegmentation, type TrainSegmentationOptions } from "./train-segmentation.js";

/** Where the value of a setting comes from: the caller, the recipe, the plan made from the data, or the defaults. */
export type SettingOrigin = "given" | "recipe" | "planned" | "default";

/** A setting of a planned run, and where its value comes from. */
export interface PlannedSetting {
  readonly name: string;
  readonly value: JsonData;
  readonly from: SettingOrigin;
}

/** A run before it begins. */
export interface TrainingPlan {
  readonly model: string;
  /** What the counts of samples count. */
  readonly samples: "images" | "cases";
  readonly classes: readonly string[];
  readonly train: number;
  /** 0 where there is nothing to validate on. */
  readonly validation: number;
  readonly stepsPerEpoch: number;
  readonly steps: number;
  /** Values of trainable parameters, and how many of them are trained. */
  readonly parameters: number;
  readonly trained: number;
  /** Parameters that are randomly initialized although weights are given. */
  readonly randomlyInitialized: readonly string[];
  /** Every setting, sorted by name. */
  readonly settings: readonly PlannedSetting[];
}

/**
 * Resolves what `trainModel` would train, on which data and with which settings. Opens the data and the weights; writes nothing
 * (weights that are downloaded stay in the cache).
 *
 * @param source - as for `trainModel`, like the other parameters
 * @throws InceptionError as `trainModel` before its first step
 *
 * @example
 * ```ts
 * import { planModelTraining } from "inceptionkit/node";
 * const options = { inputSize: 75, widthMultiplier: 0.0625, repeats: [1, 1, 1] };
 * const plan = await planModelTraining("inception_resnet_v1", { data: "shapes10?train=64&val=10", epochs: 2, batchSize: 16 }, { options });
 * plan.steps; // 8
 * ```
 */
export async function planModelTraining<N extends ModelName>(
  source: N | DescribedModel,
  given: TrainingSettingsInput,
  options: TrainModelOptions<N>,
): Promise<TrainingPlan> {
  const { settings, network, data } = await prepareTraining(source, given, options);
  const { train, val } = data;
  return planRun(given, settings, network, {
    samples: "images",
    classes: train.classes,
    train: train.size,
    validation: val?.size ?? 0,
    batchesPerEpoch: trainingBatches(train.name, train.size, settings.batchSize),
    freeze: settings.freeze,
    ofRecipe: Object.keys(RECIPES[settings.recipe]),
    planned: {},
  });
}

/**
 * The same for `trainSegmentation`. Reads all cases, since spacing, patches and batch are planned from them.
 *
 * @throws InceptionError as `trainSegmentation` before its first step
 *
 * @example
 * ```ts
 * import { planSegmentationTraining } from "inceptionkit/node";
 * const settings = { data: "Task04_Hippocampus", folds: 2, fold: 0, epochs: 1, batchSize: 1 };
 * const plan = await planSegmentationTraining("inception_resnet_3d", settings, { options: { widthMultiplier: 0.05 } });
 * console.log(plan.train, plan.settings.filter(({ from }) => from === "planned"));
 * ```
 */
export async function planSegmentationTraining<N extends ModelName>(
  id: N,
  given: SegmentationSettingsInput,
  options: TrainSegmentationOptions<N>,
): Promise<TrainingPlan> {
  const { settings, network, data } = await prepareSegmentation(id, given, options);
  const { plan, dataset, labels } = data;
  const patches = patchesOf({ cases: plan.train, training: settings });
  const { patchSize, spacing } = plan.recipe;
  return planRun(given, settings, network, {
    samples: "cases",
    classes: labels,
    train: plan.train.length,
    validation: plan.validation.length,
    batchesPerEpoch: trainingBatches(dataset.name, patches, plan.batch, "patches"),
    freeze: "none",
    ofRecipe: [],
    planned: { batchSize: plan.batch, patchSize, spacing },
  });
}

/** What a plan depends on beside settings and network. */
interface Planned extends Pick<TrainingPlan, "samples" | "classes" | "train" | "validation"> {
  readonly batchesPerEpoch: number;
  readonly freeze: string;
  /** Names of the settings that the recipe has. */
  readonly ofRecipe: readonly string[];
  /** Settings that were planned from the data. */
  readonly planned: JsonRecord;
}

function planRun(
  given: OptionInput,
  settings: RunSettings,
  { model, graph, begun }: RunNetwork,
  { batchesPerEpoch, freeze, ofRecipe, planned, ...counts }: Planned,
): TrainingPlan {
  const stepsPerEpoch = Math.ceil(batchesPerEpoch / settings.accumulate);
  const originOf = (name: string): SettingOrigin => {
    if (given[name] !== undefined) return "given";
    if (ofRecipe.includes(name)) return "recipe";
    return Object.hasOwn(planned, name) ? "planned" : "default";
  };
  return {
    model,
    ...counts,
    stepsPerEpoch,
    steps: stepsPerEpoch * settings.epochs,
    ...parametersOf(graph, trainedParameters(graph, freeze)),
    randomlyInitialized: begun,
    settings: Object.entries({ ...settingsJson(settings), ...planned })
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => ({ name, value, from: originOf(name) })),
  };
}

function parametersOf(graph: Graph, isTrained: ReturnType<typeof trainedParameters>) {
  const trainable = selectTrained(graph).parameters.filter(isTrainable);
  const count = (parameters: Graph["parameters"]): number => parameters.reduce((sum, { type }) => sum + elementsPerImage(type.shape), 0);
  return { parameters: count(trainable), trained: count(trainable.filter(isTrained)) };
}
