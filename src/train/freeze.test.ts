import { describe, expect, test } from "vitest";
import { describeModel } from "../models/index.js";
import { learningRateFactors, trainedParameters } from "./freeze.js";

const graph = describeModel("googlenet.public", { widthMultiplier: 0.125, numClasses: 10, aux: true });
const trained = (freeze: string) => {
  const rule = trainedParameters(graph, freeze);
  return graph.parameters.filter(rule).map(({ path }) => path);
};

describe("what is trained", () => {
  test("none frozen: every parameter, no running statistic", () => {
    const paths = trained("none");
    expect(paths.filter((path) => /running_(mean|var)$/.test(path))).toEqual([]);
    expect(paths).toContain("aux1.fc1.weight");
    expect(paths.length).toBe(graph.parameters.filter(({ path }) => !/running_(mean|var)$/.test(path)).length);
  });

  test("head: the classifier alone, without auxiliary heads", () => {
    expect(trained("backbone")).toEqual(["fc.weight", "fc.bias"]);
  });

  test("except-last:K counts stages from the end", () => {
    expect(trained("except-last:0")).toEqual(["fc.weight", "fc.bias"]);
    const one = trained("except-last:1");
    expect(new Set(one.map((path) => path.split(".")[0]))).toEqual(new Set(["inception5b", "fc"]));
    // 6 units of convolution weight, scale and shift, and the classifier's weight and bias.
    expect(one.length).toBe(6 * 3 + 2);
    expect(new Set(trained("except-last:2").map((path) => path.split(".")[0]))).toEqual(new Set(["inception5a", "inception5b", "fc"]));
  });

  test("except-last:P% counts in percent of the stages, rounded up", () => {
    expect(trained("except-last:50%")).toEqual(trained("except-last:6"));
    expect(trained("except-last:51%")).toEqual(trained("except-last:7"));
    expect(trained("except-last:0%")).toEqual(trained("except-last:0"));
    expect(trained("except-last:100%")).toEqual(trained("except-last:12"));
  });

  test("patterns freeze what they match, and dots are dots", () => {
    const paths = trained("conv*,inception3*");
    expect(paths.some((path) => path.startsWith("conv") || path.startsWith("inception3"))).toBe(false);
    expect(paths).toContain("inception4a.branch1.conv.weight");
    expect(trained("*.bn.*").some((path) => path.includes(".bn."))).toBe(false);
  });

  test.each([
    [
      "except-last:99",
      'Cannot freeze "except-last:99" of "googlenet.public": expected except-last:K with an integer K from 0 to 12, the number of its stages, or a percentage of them',
    ],
    [
      "except-last:",
      'Cannot freeze "except-last:" of "googlenet.public": expected except-last:K with an integer K from 0 to 12, the number of its stages, or a percentage of them',
    ],
    [
      "except-last:101%",
      'Cannot freeze "except-last:101%" of "googlenet.public": expected except-last:K with an integer K from 0 to 12, the number of its stages, or a percentage of them',
    ],
    [
      "conv1.*,nothing*,stem",
      'Cannot freeze "nothing*", "stem" of "googlenet.public": no parameter matches; expected none, backbone, except-last:K or path patterns',
    ],
    ["*", 'Cannot freeze "*" of "googlenet.public": it leaves no parameter to train, expected at least one'],
  ])("refuses %s", (freeze, message) => {
    expect(() => trained(freeze)).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
  });
});

describe("learning-rate factors", () => {
  const factorOf = (text: string, path: string) => {
    const parameter = graph.parameters.find((candidate) => candidate.path === path);
    if (parameter === undefined) throw new RangeError(`Cannot find ${path}`);
    return learningRateFactors(text)(parameter);
  };

  test("the last pattern that matches decides; 1 where none does", () => {
    expect(factorOf("fc.*=10,*.bias=2", "fc.weight")).toBe(10);
    expect(factorOf("fc.*=10,*.bias=2", "fc.bias")).toBe(2);
    expect(factorOf("fc.*=10", "conv1.conv.weight")).toBe(1);
    expect(factorOf("", "fc.weight")).toBe(1);
  });

  test.each(["fc.*", "fc.*=", "=3", "fc.*=-1", "fc.*=fast"])("refuses %s", (entry) => {
    const message = `Cannot use learning-rate multiplier "${entry}": expected a path pattern, "=" and a number of at least 0, as in fc.*=10`;
    expect(() => learningRateFactors(entry)).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
  });
});
