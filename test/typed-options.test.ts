/** What compiles and what does not: `npm run types` compiles this file, and an error that is expected and missing fails it. */
import { describe, expect, expectTypeOf, test } from "vitest";
import { describeModel, findModel, MODELS, type ModelId, type ModelName, type ModelOptions, type OptionsOf } from "../src/models/index.js";
import { crossValidate, exportTrainingStep, loadModel, planModelTraining, trainModel, trainSegmentation } from "../src/node/index.js";
import { describe as describeNetwork } from "../src/tasks/network.js";
import type {
  SegmentationSettings,
  SegmentationSettingsInput,
  StepSettingsInput,
  TrainingSettings,
  TrainingSettingsInput,
} from "../src/train/index.js";

/** Calls that are compiled and never made. */
const compiled = (calls: () => unknown) => expect(calls).toBeTypeOf("function");

describe("models", () => {
  test("ids are known", () => {
    expectTypeOf<"inception_v3.public">().toExtend<ModelId>();
    expectTypeOf<"inception_v3">().toExtend<ModelName>();
    expectTypeOf<"inception_v3">().not.toExtend<ModelId>();
    expectTypeOf<"inception_v3.paper">().not.toExtend<ModelName>();
    expectTypeOf<string>().not.toExtend<ModelName>();
    expectTypeOf(findModel("inception_v3").id).toEqualTypeOf<ModelId>();
    compiled(() => {
      // @ts-expect-error: there is no such model.
      describeModel("inception_resnet_v9");
      for (const { id } of MODELS) describeModel(id, { numClasses: 5 });
      describeNetwork("mine", (b) => b.output("features", b.input("input", ["N", 3, 8, 8])));
      // @ts-expect-error: there is no such model.
      describeNetwork("inception_resnet_v9");
      // @ts-expect-error: a letter is missing.
      describeNetwork("inception_v3", { numClases: 5 });
    });
  });

  test("options are those of the model", () => {
    expectTypeOf<OptionsOf<"inception_v3">["inputSize"]>().toEqualTypeOf<readonly number[] | number | string | undefined>();
    expectTypeOf<OptionsOf<"inception_v3.fid">["lastPool"]>().toEqualTypeOf<"average" | "max" | undefined>();
    expectTypeOf<OptionsOf<"inception_resnet_v1">>().toEqualTypeOf<OptionsOf<"inception_resnet_v1.public">>();
    expectTypeOf<OptionsOf<"inception_resnet_v1.public">>().toHaveProperty("embeddingSize");
    expectTypeOf<OptionsOf<"inception_resnet_v1.paper">>().not.toHaveProperty("embeddingSize");
    compiled(() => {
      describeModel("inception_v3", { numClasses: 5, inputSize: [331, 275], aux: true });
      // @ts-expect-error: a letter is missing.
      describeModel("inception_v3", { numClases: 5 });
      // @ts-expect-error: a text is for command lines.
      describeModel("inception_v3", { numClasses: "5" });
      // @ts-expect-error: another model has this option.
      describeModel("inception_v3", { embeddingSize: 128 });
      // @ts-expect-error: no such choice.
      describeModel("googlenet", { padding: "valid" });
      // @ts-expect-error: of no model.
      const options: ModelOptions = { numClases: 5 };
      return [options, loadModel("inception_v3", { options: { numClasses: 5 } })];
    });
  });

  test("values from files and command lines are checked when the network is described", () => {
    const given: Readonly<Record<string, unknown>> = { numClasses: "five" };
    expect(() => findModel("inception_v3").describe(given)).toThrow("Cannot set option numClasses of inception_v3.public");
  });
});

describe("settings", () => {
  test("names and values", () => {
    expectTypeOf<TrainingSettings["metric"]>().toEqualTypeOf<"dice" | "loss" | "top1" | "top5" | "trainLoss" | "trainTop1">();
    expectTypeOf<TrainingSettings["clipNorm"]>().toEqualTypeOf<number | null>();
    expectTypeOf<SegmentationSettings["patchSize"]>().toEqualTypeOf<readonly [x: number, y: number, z: number] | null>();
    expectTypeOf<TrainingSettings>().toExtend<TrainingSettingsInput>();
    expectTypeOf<SegmentationSettings>().toExtend<SegmentationSettingsInput>();
    expectTypeOf<{ readonly epochs: 3 }>().not.toExtend<TrainingSettingsInput>();
    expectTypeOf<StepSettingsInput>().not.toHaveProperty("data");
  });

  test("of a training", () => {
    compiled(() => {
      void trainModel("inception_v3", { data: "photos", epochs: 1, optimizer: "sgd:momentum=0.9" }, { options: { dropRate: 0 } });
      void trainModel("inception_v3", { data: "photos", clipNorm: null, optimizer: { name: "sgd", momentum: 0.9 } }, {});
      // @ts-expect-error: a letter is missing.
      void trainModel("inception_v3", { data: "photos", epoch: 1 }, {});
      // @ts-expect-error: no data.
      void trainModel("inception_v3", { epochs: 1 }, {});
      // @ts-expect-error: no such recipe.
      void trainModel("inception_v3", { data: "photos", recipe: "best" }, {});
      // @ts-expect-error: no such model.
      void trainModel("inception_resnet_v9", { data: "photos" }, {});
      // @ts-expect-error: a letter is missing.
      void trainModel("inception_v3", { data: "photos" }, { options: { droprate: 0 } });
      // @ts-expect-error: of volumes.
      void planModelTraining("inception_v3", { data: "photos", folds: 5 }, {});
    });
  });

  test("of a training on volumes, and of one step", () => {
    compiled(() => {
      void trainSegmentation("inception_resnet_3d", { data: "scans", patchSize: [24, 24, 24], fold: null }, {});
      // @ts-expect-error: of images.
      void trainSegmentation("inception_resnet_3d", { data: "scans", mixup: 1 }, {});
      // @ts-expect-error: a patch has three sides.
      void trainSegmentation("inception_resnet_3d", { data: "scans", patchSize: [24, 24] }, {});
      // @ts-expect-error: every fold in turn.
      void crossValidate("inception_resnet_3d", { data: "scans", fold: 1 }, {});
      void exportTrainingStep("googlenet", "step.onnx", { batchSize: 8, optimizer: "adam" }, { options: { numClasses: 3 } });
      // @ts-expect-error: a step has no epochs.
      void exportTrainingStep("googlenet", "step.onnx", { epochs: 8 });
    });
  });
});
