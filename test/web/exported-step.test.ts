/** The file of `inception export ID --training-step`, run by nothing but onnxruntime-web on WebAssembly. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as node from "onnxruntime-node";
import * as web from "onnxruntime-web";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bytesSource } from "../../src/formats/byte-source.js";
import { readSafetensorsHeader } from "../../src/formats/safetensors.js";
import { type ExportedStep, exportTrainingStep } from "../../src/node/training/export-step.js";
import { ortTensor } from "../in-process-trainer.js";
import { BATCH, distance, feedsOf, OPTIONS, STEPS } from "./network.js";

/** What both packages have in common. */
type Runtime = Pick<typeof node, "InferenceSession" | "Tensor">;
type State = ReadonlyMap<string, Float32Array>;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-step-"));
  web.env.wasm.numThreads = 1;
});
afterAll(() => rmSync(folder, { recursive: true }));

function exported(name: string, freezeBatchNorm: boolean): Promise<ExportedStep> {
  return exportTrainingStep(
    "inception_resnet_v1",
    path.join(folder, `${name}.onnx`),
    { batchSize: BATCH, freezeBatchNorm },
    { options: OPTIONS },
  );
}

async function firstState({ stateFile }: ExportedStep): Promise<State> {
  const bytes = new Uint8Array(readFileSync(stateFile));
  const { tensors } = await readSafetensorsHeader(bytesSource("state", bytes));
  return new Map(tensors.map(({ name, offset, length }) => [name, new Float32Array(bytes.slice(offset, offset + length).buffer)]));
}

interface Opened {
  readonly step: (state: State, index: number) => Promise<{ readonly loss: number; readonly next: State }>;
  readonly close: () => Promise<void>;
}

async function open(ort: Runtime, { file, feeds }: ExportedStep): Promise<Opened> {
  const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(file)));
  return {
    step: async (state, index) => {
      // Parameters and slots are flat; the one scalar of the state is a counter.
      const held = [...state].map(([name, data]) => [name, new ort.Tensor("float32", data, name === "step" ? [] : [data.length])] as const);
      const fed = Object.entries(feedsOf(feeds, index)).map(([name, tensor]) => [name, ortTensor(tensor, ort)] as const);
      const outputs = await session.run(Object.fromEntries([...held, ...fed]));
      const next = [...state].map(([name, data]) => [name, floats(outputs[`${name}:next`]) ?? data] as const);
      return { loss: floats(outputs.loss)?.[0] ?? Number.NaN, next: new Map(next) };
    },
    close: () => session.release(),
  };
}

/** A copy: the runtime may use the memory again. */
function floats(tensor: node.Tensor | undefined): Float32Array | null {
  return tensor?.data instanceof Float32Array ? tensor.data.slice() : null;
}

describe("an exported training step under onnxruntime-web and onnxruntime-node", () => {
  test("both train alike, each from what it has come to", async () => {
    const step = await exported("fixed", true);
    const [inNode, inWeb] = [await open(node, step), await open(web, step)];
    let [nodeState, webState] = [await firstState(step), await firstState(step)];
    const losses: number[] = [];
    for (let index = 0; index <= STEPS; index++) {
      const [expected, found] = [await inNode.step(nodeState, index), await inWeb.step(webState, index)];
      [nodeState, webState] = [expected.next, found.next];
      losses.push(found.loss);
      expect(Math.abs(found.loss - expected.loss)).toBeLessThan(1e-4);
    }
    expect(losses.at(-1)).toBeLessThan((losses[0] ?? 0) - 0.2);
    await inNode.close();
    await inWeb.close();
  }, 120_000);

  // A ReLU that rounding flips sends such runs apart within a few steps, on PyTorch as here: each step begins from one state.
  test("with the statistics of the batch both take the same steps", async () => {
    const step = await exported("batch", false);
    const [inNode, inWeb] = [await open(node, step), await open(web, step)];
    let state = await firstState(step);
    for (let index = 0; index < STEPS; index++) {
      const [expected, found] = [await inNode.step(state, index), await inWeb.step(state, index)];
      expect(Math.abs(found.loss - expected.loss)).toBeLessThan(1e-4);
      const moved = distance(expected.next, state);
      expect(moved).toBeGreaterThan(0);
      expect(distance(found.next, expected.next)).toBeLessThan(0.03 * moved);
      state = expected.next;
    }
    await inNode.close();
    await inWeb.close();
  }, 120_000);
});
