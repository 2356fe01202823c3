import { describe, expect, test } from "vitest";
import { createTestTrainer } from "../../../test/in-process-trainer.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import { decodeModel } from "../../formats/onnx/decode.js";
import { describeModel, findModel, type OptionInput } from "../../models/index.js";
import { sgd } from "../../optim/index.js";
import { fillUniform } from "../../tensor/fill.js";
import { float32Tensor, type Tensor } from "../../tensor/tensor.js";
import { goldenParameters } from "../../weights/golden.js";
import type { TrainingOptions } from "./options.js";
import { compileTraining, initialState } from "./training.js";

const TINY: OptionInput = { inputSize: 64, widthMultiplier: 0.0625, numClasses: 4, dropRate: 0 };
const OPTIMIZER = sgd({ momentum: 0.9 });
const scalar = (value: number) => float32Tensor([], Float32Array.of(value));

function images(key: string, count: number): Tensor {
  return float32Tensor([count, 3, 64, 64], fillUniform(key, count * 3 * 64 * 64, -1, 1));
}

function targets(labels: readonly number[]): Tensor {
  return float32Tensor(
    [labels.length, 4],
    Float32Array.from(labels.flatMap((label) => [0, 1, 2, 3].map((index) => Number(index === label)))),
  );
}

async function trainer(model: string, options: Partial<TrainingOptions>, given: OptionInput = {}) {
  const network = findModel(model).describe({ ...TINY, ...given });
  const compiled = compileTraining(network, { batchSize: 4, optimizer: () => OPTIMIZER, dropout: false, ...options });
  const programs = Object.fromEntries(
    Object.entries(compiled.programs).map(([name, { model: encoded, state, reads }]) => [
      name,
      { model: concatChunks(encoded.chunks), state, reads },
    ]),
  );
  return { compiled, trainer: await createTestTrainer(programs, initialState(compiled, goldenParameters(network))) };
}

const numbers = (tensor: Tensor | undefined) => Array.from(tensor?.data ?? [], Number);

function worstDifference(a: ReadonlyMap<string, Tensor>, b: ReadonlyMap<string, Tensor>): number {
  const differences = [...a].map(([name, tensor]) => {
    const other = numbers(b.get(name));
    return numbers(tensor).reduce((worst, value, index) => Math.max(worst, Math.abs(value - Number(other[index]))), 0);
  });
  return Math.max(...differences);
}

describe("the programs", () => {
  test("state is flat, has its parameter's name, and each output has the state's name", async () => {
    const { compiled } = await trainer("googlenet.paper", { emaDecay: 0.9, clipNorm: 1 });
    const { step } = compiled.programs;
    const kinds = new Set(compiled.state.map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(["parameter", "slot", "average", "counter"]));
    expect(step?.state.every(({ input, output }) => output === `${input}:next`)).toBe(true);
    expect(step?.state.map(({ input }) => input)).toContain("conv1.conv.weight:momentum");
    expect([...(step?.outputs ?? [])].sort()).toEqual(["gradientNorm", "logits", "loss"]);
    const decoded = decodeModel(concatChunks(step?.model.chunks ?? []));
    const flat = decoded.graph.inputs.filter(({ name }) => step?.state.some(({ input }) => input === name));
    expect(flat.every(({ shape }) => (shape?.length ?? 9) <= 1)).toBe(true);
    expect(decoded.metadata.get("readme")).toContain('Feed the output "<name>:next" of a run as the input "<name>" of the next.');
    expect(JSON.parse(decoded.metadata.get("training") ?? "{}")).toMatchObject({ version: 1, outputs: step?.outputs });
  });

  test("standard programs use standard operators only", async () => {
    for (const model of ["googlenet.public", "inception_resnet_v1.spec"]) {
      const { compiled } = await trainer(model, {}, { inputSize: 80 });
      for (const { model: encoded } of Object.values(compiled.programs)) {
        const { graph, opsets } = decodeModel(concatChunks(encoded.chunks));
        expect(graph.nodes.filter(({ domain }) => domain !== "")).toEqual([]);
        expect(opsets).toEqual([{ domain: "", version: 19 }]);
      }
    }
  });

  test("two halves of a batch, accumulated, make the step that the whole makes", async () => {
    // Without batch normalization an image's gradient does not depend on its neighbors.
    const [left, right] = [images("left", 2), images("right", 2)];
    const both = float32Tensor([4, 3, 64, 64], Float32Array.from([...numbers(left), ...numbers(right)]));
    const whole = await trainer("googlenet.paper", {});
    await whole.trainer.run("step", { input: both, targets: targets([0, 1, 2, 3]), learningRate: scalar(0.1) });
    const halves = await trainer("googlenet.paper", { form: "accumulate", batchSize: 2 });
    for (const [index, input] of [left, right].entries()) {
      const feeds = { input, targets: targets(index === 0 ? [0, 1] : [2, 3]), keep: scalar(index), share: scalar(0.5) };
      await halves.trainer.run("accumulate", feeds);
    }
    await halves.trainer.run("update", { learningRate: scalar(0.1) });
    const state = await whole.trainer.readState();
    // Sums of float32 in another order.
    expect(worstDifference(state, await halves.trainer.readState())).toBeLessThan(1e-6);
    expect(numbers(state.get("step"))).toEqual([1]);
    await Promise.all([whole.trainer.close(), halves.trainer.close()]);
  });

  test("averages follow TensorFlow's formula in double precision, and go on from a saved state bit for bit", async () => {
    const decay = 0.6;
    const { trainer: opened, compiled } = await trainer("googlenet.paper", { emaDecay: decay });
    const path = "conv1.conv.weight";
    const read = async () => {
      const state = await opened.readState([path, `${path}:average`]);
      return [numbers(state.get(path)), numbers(state.get(`${path}:average`))] as const;
    };
    const run = (step: number) =>
      opened.run("step", { input: images(`a${step}`, 4), targets: targets([0, 1, 2, 3]), learningRate: scalar(0.1) });
    let expected: readonly number[] = (await read())[0];
    // min(0.6, (1 + step) / (10 + step)) is below 0.6 up to step 12.
    for (let step = 1; step <= 15; step++) {
      await run(step);
      const [parameter, average] = await read();
      const kept = Math.min(decay, (1 + step) / (10 + step));
      expected = expected.map((value, index) => kept * value + (1 - kept) * Number(parameter[index]));
      const worst = expected.reduce((most, value, index) => Math.max(most, Math.abs(value - Number(average[index]))), 0);
      expect(worst, `step ${step}`).toBeLessThan(1e-6);
    }
    const saved = await opened.readState();
    await run(16);
    const [uninterrupted] = [await opened.readState()];
    await opened.writeState(saved);
    await run(16);
    expect(worstDifference(uninterrupted, await opened.readState())).toBe(0);
    const readme = decodeModel(concatChunks(compiled.programs.step?.model.chunks ?? [])).metadata.get("readme");
    expect(readme).toContain('the beginning keeps min(0.6, (1 + s) / (10 + s)) of it, where s is the input "step" plus 1.');
    await opened.close();
  });

  test("a decay of 0 keeps no averages", () => {
    const network = describeModel("googlenet.paper", TINY);
    const bytes = [{}, { emaDecay: 0 }].map((options) => {
      const { programs } = compileTraining(network, { batchSize: 2, optimizer: () => OPTIMIZER, ...options });
      return concatChunks(programs.step?.model.chunks ?? []);
    });
    expect(bytes[1]).toEqual(bytes[0]);
  });

  test("evaluation uses the averages and the running statistics, and changes nothing", async () => {
    const { trainer: opened } = await trainer("googlenet.public", { emaDecay: 0.5 }, { inputSize: 64 });
    const feeds = { input: images("e", 4), targets: targets([0, 1, 2, 3]), learningRate: scalar(0.05) };
    await opened.run("step", feeds);
    const before = await opened.readState();
    const first = await opened.run("evaluate", { input: feeds.input });
    expect(worstDifference(before, await opened.readState())).toBe(0);
    // With the averages put in place of the parameters nothing changes; with the parameters in place of the averages all does.
    const averaged = new Map(
      [...before].flatMap(([name, tensor]) => (name.endsWith(":average") ? [[name.slice(0, -":average".length), tensor] as const] : [])),
    );
    await opened.writeState(averaged);
    expect(numbers((await opened.run("evaluate", { input: feeds.input })).logits)).toEqual(numbers(first.logits));
    await opened.writeState(new Map([...averaged.keys()].flatMap((name) => [[`${name}:average`, before.get(name) as Tensor] as const])));
    expect(numbers((await opened.run("evaluate", { input: feeds.input })).logits)).not.toEqual(numbers(first.logits));
    await opened.close();
  });

  test("what is frozen stays, its statistics too, and trained statistics move", async () => {
    const { trainer: opened } = await trainer("googlenet.public", { isTrained: ({ path }) => !path.startsWith("conv") });
    const before = await opened.readState();
    await opened.run("step", { input: images("f", 4), targets: targets([0, 1, 2, 3]), learningRate: scalar(0.05) });
    const after = await opened.readState();
    const moved = [...before].filter(([name, tensor]) => numbers(tensor).join() !== numbers(after.get(name)).join()).map(([name]) => name);
    expect(moved.filter((name) => name.startsWith("conv"))).toEqual([]);
    expect(moved).toContain("inception3a.branch1.bn.running_mean");
    expect(moved).toContain("inception3a.branch1.conv.weight");
    await opened.close();
  });

  test("recomputation changes no number", async () => {
    const feeds = { input: images("r", 4), targets: targets([0, 1, 2, 3]), learningRate: scalar(0.05) };
    const [plain, again] = await Promise.all(
      [false, true].map((recompute) => trainer("googlenet.public", { checkpointActivations: recompute })),
    );
    await plain?.trainer.run("step", feeds);
    await again?.trainer.run("step", feeds);
    const extra = Number(again?.compiled.programs.step?.graph.nodes.length) - Number(plain?.compiled.programs.step?.graph.nodes.length);
    expect(extra).toBeGreaterThan(50);
    expect(worstDifference((await plain?.trainer.readState()) ?? new Map(), (await again?.trainer.readState()) ?? new Map())).toBeLessThan(
      1e-6,
    );
    await Promise.all([plain?.trainer.close(), again?.trainer.close()]);
  });
});

describe("refused", () => {
  const network = describeModel("googlenet.public", TINY);
  test.each([
    [{ batchSize: 0 }, "batchSize 0: expected an integer of at least 1"],
    [{ batchSize: 2.5 }, "batchSize 2.5: expected an integer of at least 1"],
    [{ emaDecay: 1 }, "emaDecay 1: expected a number in [0, 1)"],
    [{ clipNorm: 0 }, "clipNorm 0: expected a positive number"],
    [{ batchNormDecay: 1 }, "batchNormDecay 1: expected a number in [0, 1)"],
  ])("%j", (options, fact) => {
    expect(() => compileTraining(network, { batchSize: 4, optimizer: () => OPTIMIZER, ...options })).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message: `Cannot train "googlenet.public" with ${fact}` }),
    );
  });

  test("a network without a classifier", () => {
    const embedding = describeModel("inception_resnet_v1", { inputSize: 75, widthMultiplier: 0.125, repeats: [1, 1, 1] });
    const message = 'Cannot train "inception_resnet_v1.public": it has no output "logits"; describe it with `options.numClasses`';
    expect(() => compileTraining(embedding, { batchSize: 2, optimizer: () => OPTIMIZER })).toThrow(
      expect.objectContaining({ code: "OPTION_INVALID", message }),
    );
  });
});
