import { describe, expect, test } from "vitest";
import { describeModel } from "../models/index.js";
import { checkGraph } from "../ops/index.js";
import { selectOutputs } from "./prune.js";

const GRAPH = describeModel("googlenet.public", { aux: true, inputSize: 64, widthMultiplier: 0.1 });

describe("selectOutputs", () => {
  test("without auxiliary outputs the auxiliary heads are gone, and nothing else", () => {
    const kept = checkGraph(selectOutputs(GRAPH, ["logits", "features"]));
    const plain = describeModel("googlenet.public", { inputSize: 64, widthMultiplier: 0.1 });
    expect(kept).toEqual(plain);
  });

  test("an inner module as the only output leaves what is in front of it", () => {
    const kept = checkGraph(selectOutputs(GRAPH, ["inception3a.branch2"]));
    expect(kept.outputs).toEqual([{ name: "inception3a.branch2", value: "inception3a.branch2.1.relu" }]);
    expect(kept.nodes.at(-1)?.path).toBe("inception3a.branch2.1.relu");
    expect(kept.nodes.map(({ path }) => path).filter((path) => /branch[134]|3b|fc|aux/.test(path))).toEqual([]);
    expect(kept.parameters.map(({ path }) => path).filter((path) => /branch[134]|3b|fc|aux/.test(path))).toEqual([]);
    expect(kept.modules.map(({ path }) => path)).toContain("inception3a.branch2.0");
    expect(kept.modules.map(({ path }) => path)).not.toContain("inception3a");
    expect(kept.stages.map(({ path }) => path)).toEqual(["conv1", "maxpool1", "conv2", "conv3", "maxpool2"]);
    expect(new Set(kept.types.keys())).toEqual(
      new Set(["input", ...kept.parameters.map(({ path }) => path), ...kept.nodes.flatMap(({ outputs }) => outputs)]),
    );
  });

  test("keeps the order that is asked for and may name outputs and modules together", () => {
    const kept = checkGraph(selectOutputs(GRAPH, ["maxpool2", "features", "aux2"]));
    expect(kept.outputs.map(({ name, value }) => [name, value])).toEqual([
      ["maxpool2", "maxpool2"],
      ["features", "avgpool.flatten"],
      ["aux2", "aux2.fc2"],
    ]);
  });

  test("the graph that it is given stays as it was", () => {
    const outputs = GRAPH.outputs.length;
    selectOutputs(GRAPH, ["conv1"]);
    expect(GRAPH.outputs.length).toBe(outputs);
    expect(checkGraph(GRAPH)).toBe(GRAPH);
  });

  test("refuses a name that is neither, listing the outputs", () => {
    const message = 'Cannot select output "softmax" of "googlenet.public": expected aux1, aux2, logits, features or the path of a module';
    expect(() => selectOutputs(GRAPH, ["logits", "softmax"])).toThrow(expect.objectContaining({ code: "OPTION_INVALID", message }));
  });

  test("a name that is asked for twice or no name at all does not pass the check", () => {
    expect(() => checkGraph(selectOutputs(GRAPH, ["logits", "logits"]))).toThrow(
      expect.objectContaining({ code: "GRAPH_INVALID", message: 'Cannot use graph "googlenet.public": output "logits" is defined twice' }),
    );
    expect(() => checkGraph(selectOutputs(GRAPH, []))).toThrow(
      expect.objectContaining({ code: "GRAPH_INVALID", message: 'Cannot use graph "googlenet.public": it has no output' }),
    );
  });
});
