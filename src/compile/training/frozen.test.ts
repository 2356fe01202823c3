import { describe, expect, test } from "vitest";
import { filled, outputOf, runGraph } from "../../../test/run-graph.js";
import { describeModel } from "../../models/index.js";
import { trainedParameters } from "../../train/freeze.js";
import { goldenParameters } from "../../weights/golden.js";
import { splitFrozen } from "./frozen.js";
import { selectTrained } from "./training.js";

const whole = describeModel("inception_resnet_v1", {
  inputSize: 75,
  widthMultiplier: 0.125,
  repeats: [1, 1, 1],
  numClasses: 5,
  dropRate: 0,
});
const network = selectTrained(whole);

describe("cutting a network where training begins", () => {
  test.each([
    ["backbone", ["dropout"]],
    ["except-last:1", ["mixed_7a.concat"]],
    ["conv2d_1a*,conv2d_2a*", ["conv2d_2a.relu"]],
  ])("freeze %s: both parts together compute what the whole does", async (freeze, expected) => {
    const { frozen, trained, cut } = splitFrozen(network, trainedParameters(whole, freeze));
    if (frozen === null) throw new RangeError("Cannot find the frozen part");
    // Dropout draws a mask, so the trained part begins before it; its path is that of the value that it reads.
    expect(cut.length).toBe(expected.length);
    const parameters = goldenParameters(network);
    const feeds = { input: filled("split", [2, 3, 75, 75]) };
    const complete = outputOf(await runGraph(network, parameters, feeds), "logits");
    const between = await runGraph(frozen, parameters, feeds);
    const parts = outputOf(
      await runGraph(trained, parameters, Object.fromEntries(cut.map((name) => [name, outputOf(between, name)]))),
      "logits",
    );
    const worst = complete.data.reduce((most, value, index) => Math.max(most, Math.abs(value - Number(parts.data[index]))), 0);
    // The same float32 operations but for what the runtime fuses; logits are of order 1.
    expect(worst).toBeLessThan(1e-5);
    const both = new Set([...frozen.parameters, ...trained.parameters].map(({ path }) => path));
    expect([...both].sort()).toEqual(network.parameters.map(({ path }) => path).sort());
    expect(frozen.parameters.filter((parameter) => trained.parameters.includes(parameter))).toEqual([]);
  });

  test("the pool of a block reads the map that crosses the cut, so that one map crosses it", async () => {
    const inception = describeModel("inception_v3", { inputSize: 75, widthMultiplier: 0.125, numClasses: 5, dropRate: 0 });
    const selected = selectTrained(inception);
    const { frozen, trained, cut } = splitFrozen(selected, trainedParameters(inception, "except-last:2"));
    expect(cut).toEqual(["Mixed_7a"]);
    expect(frozen?.outputs.map(({ name }) => name)).toEqual(["Mixed_7a"]);
    expect(trained.nodes.some(({ outputs }) => outputs.includes("Mixed_7b.pool"))).toBe(true);
    const parameters = goldenParameters(selected);
    const feeds = { input: filled("split", [2, 3, 75, 75]) };
    const complete = outputOf(await runGraph(selected, parameters, feeds), "logits");
    if (frozen === null) throw new RangeError("Cannot find the frozen part");
    const between = outputOf(await runGraph(frozen, parameters, feeds), "Mixed_7a");
    const parts = outputOf(await runGraph(trained, parameters, { Mixed_7a: between }), "logits");
    const worst = complete.data.reduce((most, value, index) => Math.max(most, Math.abs(value - Number(parts.data[index]))), 0);
    expect(worst).toBeLessThan(1e-5);
  });

  test("nothing frozen: no frozen part, and the network as it is", () => {
    expect(splitFrozen(network, () => true)).toEqual({ frozen: null, trained: network, cut: ["input"] });
  });

  test("a frozen layer behind a trained one is not part of the frozen network", () => {
    const { frozen } = splitFrozen(network, ({ path }) => path.startsWith("conv2d_1a"));
    expect(frozen).toBeNull();
  });
});
