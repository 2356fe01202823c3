/** Training a network for volumes: logits for each voxel, labels for each voxel, Dice and cross-entropy. */
import { expect, test } from "vitest";
import { createTestTrainer } from "../../../test/in-process-trainer.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import { describeModel } from "../../models/index.js";
import { adam } from "../../optim/index.js";
import { fillUniform } from "../../tensor/fill.js";
import { float32Tensor, type Tensor } from "../../tensor/tensor.js";
import { initialParameters } from "../../weights/initialize.js";
import type { TrainingOptions } from "./options.js";
import { compileTraining, initialState } from "./training.js";

const SIDE = 24;
const VOXELS = SIDE ** 3;
const BATCH = 2;
const OPTIMIZER = adam();

const network = describeModel("inception_resnet_3d", { inputSize: SIDE, widthMultiplier: 0.05 });

async function opened(options: Partial<TrainingOptions>) {
  const compiled = compileTraining(network, { batchSize: BATCH, optimizer: () => OPTIMIZER, targetFormat: "indices", ...options });
  const programs = Object.fromEntries(
    Object.entries(compiled.programs).map(([name, { model, state, reads }]) => [name, { model: concatChunks(model.chunks), state, reads }]),
  );
  return { compiled, trainer: await createTestTrainer(programs, initialState(compiled, initialParameters(network, 1))) };
}

/** A ball in each volume: brighter than what surrounds it, under noise. */
function balls(): { readonly input: Tensor; readonly labels: Tensor } {
  const noise = fillUniform("noise", BATCH * VOXELS, -0.5, 0.5);
  const labels = new Int32Array(BATCH * VOXELS);
  for (let i = 0; i < labels.length; i++) {
    const center = i < VOXELS ? [9, 12, 14] : [13, 8, 10];
    const place = [Math.floor((i % VOXELS) / SIDE ** 2), Math.floor(i / SIDE) % SIDE, i % SIDE];
    const distance = Math.hypot(...place.map((p, axis) => p - (center[axis] ?? 0)));
    labels[i] = distance < 6 ? 1 : 0;
  }
  return {
    input: float32Tensor(
      [BATCH, 1, SIDE, SIDE, SIDE],
      noise.map((value, i) => value + (labels[i] ?? 0)),
    ),
    labels: { dtype: "int32", shape: [BATCH, SIDE, SIDE, SIDE], data: labels },
  };
}

/** 1 − mean Dice over images and classes, plus the mean cross-entropy, in double precision from their definitions. */
function lossOf(logits: Tensor | undefined, labels: Tensor): number {
  const values = Array.from(logits?.data ?? [], Number);
  let entropy = 0;
  const dices: number[] = [];
  for (let image = 0; image < BATCH; image++) {
    const [overlaps, sizes] = [
      [0, 0],
      [0, 0],
    ];
    for (let voxel = 0; voxel < VOXELS; voxel++) {
      const row = [0, 1].map((c) => Math.exp(values[(image * 2 + c) * VOXELS + voxel] ?? 0));
      const label = Number(labels.data[image * VOXELS + voxel]);
      for (const c of [0, 1]) {
        const [p, q] = [(row[c] ?? 0) / ((row[0] ?? 0) + (row[1] ?? 0)), Number(c === label)];
        overlaps[c] = (overlaps[c] ?? 0) + p * q;
        sizes[c] = (sizes[c] ?? 0) + p + q;
        if (q === 1) entropy -= Math.log(p) / (BATCH * VOXELS);
      }
    }
    for (const c of [0, 1]) dices.push((2 * (overlaps[c] ?? 0) + 1e-5) / ((sizes[c] ?? 0) + 1e-5));
  }
  return 1 - dices.reduce((sum, dice) => sum + dice, 0) / dices.length + entropy;
}

test("Dice with cross-entropy falls over ten steps, and is what its definition gives", async () => {
  const { compiled, trainer } = await opened({ loss: "dice_cross_entropy" });
  expect(compiled.programs.step?.feeds.map(({ name, shape }) => [name, shape])).toEqual([
    ["input", [BATCH, 1, SIDE, SIDE, SIDE]],
    ["labels", [BATCH, SIDE, SIDE, SIDE]],
    ["learningRate", []],
  ]);
  const { input, labels } = balls();
  const losses: number[] = [];
  for (let step = 0; step < 10; step++) {
    const { loss, logits } = await trainer.run("step", { input, labels, learningRate: float32Tensor([], Float32Array.of(0.01)) });
    expect(logits?.shape).toEqual([BATCH, 2, SIDE, SIDE, SIDE]);
    losses.push(Number(loss?.data[0]));
    // 27,648 float32 terms of about 1, added in some order: √27648 · 6e-8 = 1e-5.
    expect(Math.abs(Number(loss?.data[0]) - lossOf(logits, labels))).toBeLessThan(1e-4);
  }
  expect(losses.every(Number.isFinite)).toBe(true);
  expect(losses.at(-1)).toBeLessThan(0.5 * Number(losses[0]));
  const { logits } = await trainer.run("evaluate", { input });
  expect(logits?.shape).toEqual([BATCH, 2, SIDE, SIDE, SIDE]);
  await trainer.close();
}, 120_000);

test("a loss that does not exist is named; Dice needs maps", () => {
  const given = { batchSize: 1, optimizer: () => OPTIMIZER };
  // A caller in JavaScript may pass anything.
  const loss = "dice" as "cross_entropy";
  expect(() => compileTraining(network, { ...given, loss })).toThrow(
    expect.objectContaining({
      code: "OPTION_INVALID",
      message:
        'Cannot train "inception_resnet_3d.table" with loss "dice": expected one of asymmetric, binary_cross_entropy, cross_entropy, dice_cross_entropy, nnunet_dice_cross_entropy',
    }),
  );
  const classifier = describeModel("googlenet", { inputSize: 32, widthMultiplier: 0.05, numClasses: 3 });
  expect(() => compileTraining(classifier, { ...given, loss: "dice_cross_entropy" })).toThrow(
    expect.objectContaining({
      code: "SHAPE_INVALID",
      message: 'Cannot infer shape of dice "loss.main.dice_loss.dice": expected logits [N, C, spatial…], got [1, 3]',
    }),
  );
});
