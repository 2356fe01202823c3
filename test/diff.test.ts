import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeModel } from "../src/formats/onnx/decode.js";
import { encodeSafetensors } from "../src/formats/safetensors.js";
import { describeModel } from "../src/models/index.js";
import { exportOnnx } from "../src/node/export-model.js";
import { prepareModel } from "../src/node/prepare-model.js";
import { elementCount, float32Tensor } from "../src/tensor/tensor.js";
import { goldenParameters } from "../src/weights/golden.js";
import { ROOT, refused } from "./program.js";
import { sharedPath, titleNeeding } from "./shared.js";

const DIGITS = path.join(ROOT, "examples/digits");
const DIGITS_NETWORK = "googlenet:numClasses=10:inputSize=64:widthMultiplier=0.25";
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-diff-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const diff = (...args: readonly string[]) => refused("diff", ...args);

async function refusal(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await diff(...args);
  expect([code, out]).toEqual([2, ""]);
  return err.trim();
}

function write(name: string, values: Readonly<Record<string, readonly number[]>>): string {
  const tensors = Object.entries(values).map(([key, list]) => [key, float32Tensor([list.length], Float32Array.from(list))] as const);
  const { header, chunks } = encodeSafetensors(tensors, {});
  const file = path.join(folder, name);
  writeFileSync(file, Buffer.concat([header, ...chunks]));
  return file;
}

describe("an exported file with constants that lowering added", () => {
  const options = { widthMultiplier: 0.125, numClasses: 10, inputSize: 64 };
  const flags = Object.entries(options).flatMap(([name, value]) => ["--option", `${name}=${value}`]);

  test("has the tensors of its weights and no others, and the network's number of parameters", async () => {
    const graph = describeModel("googlenet.paper", options);
    const { header, chunks } = encodeSafetensors([...goldenParameters(graph)], {});
    const [weights, file] = [path.join(folder, "lrn.safetensors"), path.join(folder, "lrn.onnx")];
    writeFileSync(weights, Buffer.concat([header, ...chunks]));
    await exportOnnx(await prepareModel("googlenet.paper", weights, { options }), file);
    const bands = decodeModel(Uint8Array.from(readFileSync(file))).graph.initializers.map(({ name }) => name);
    expect(bands).toContain("norm1:band");

    const { code, out } = await diff("--tensors", weights, file, "--json");
    const tensors = graph.parameters.length;
    expect(JSON.parse(out)).toMatchObject({ equal: true, a: { tensors }, b: { tensors }, compared: tensors, differences: [] });
    expect(code).toBe(0);
    const networks = await diff("googlenet.paper", file, ...flags, "--json");
    const parameters = graph.parameters.reduce((sum, { type }) => sum + elementCount(type.shape.map(Number)), 0);
    expect(JSON.parse(networks.out)).toMatchObject({ equal: true, a: { parameters }, b: { parameters } });
  });

  const WEIGHTS = "data/googlenet_bvlc/bvlc_googlenet.safetensors";
  const bvlc = sharedPath(WEIGHTS);
  test.skipIf(bvlc === null)(
    titleNeeding("BVLC GoogLeNet and its export are equal, with 6,998,552 parameters", bvlc, WEIGHTS),
    async () => {
      const file = path.join(folder, "bvlc.onnx");
      await exportOnnx(await prepareModel("googlenet.paper", bvlc ?? ""), file);
      const weights = await diff("--tensors", bvlc ?? "", file);
      expect(weights.out).toMatch(/\n116 tensors with equal name and shape, identical\n$/);
      expect(weights.code).toBe(0);
      expect((await diff("googlenet.paper", file)).out).toMatch(/^parameters +6,998,552 +6,998,552$/m);
    },
  );
});

describe("two networks", () => {
  test("equal ones end with 0", async () => {
    const { code, out, err } = await diff("googlenet", "googlenet.public", "--json");
    expect([code, err]).toEqual([0, ""]);
    const totals = { name: "googlenet.public", parameters: 6_624_904, macs: 1_498_376_192, layers: 197 };
    expect(JSON.parse(out)).toEqual({ equal: true, a: totals, b: totals, notes: [], differences: [] });
  });

  test("different ones end with 1, with every difference", async () => {
    const { code, out } = await diff("googlenet.paper", "googlenet.public", "--json");
    expect(code).toBe(1);
    const { equal, differences } = JSON.parse(out) as { readonly equal: boolean; readonly differences: readonly unknown[] };
    expect(equal).toBe(false);
    expect(differences).toContainEqual({ path: "inception3a.branch3.1.conv", kind: "kernel", a: [5, 5], b: [3, 3] });
    expect(differences).toContainEqual({ path: "norm1", kind: "block", a: "lrn", b: null });
  });

  test("the text has totals, blocks, and layers by what differs in them", async () => {
    const { out } = await diff("googlenet.paper", "googlenet.public");
    expect(out).toMatch(/^parameters +6,998,552 +6,624,904$/m);
    expect(out).toMatch(/^inception3a +parameters +163,696 +155,872$/m);
    expect(out).toMatch(/^conv1\.bn, conv2\.bn, conv3\.bn and 54 more +layer +none +batchNormalization$/m);
    expect(out).toMatch(/\n\n234 differences\n$/);
  });

  test("options of both, and of one", async () => {
    const { code, out } = await diff(
      "inception_resnet_v1.paper",
      "inception_resnet_v1.paper:repeats=10,20,10",
      "--option",
      "numClasses=7",
      "--json",
    );
    expect(code).toBe(1);
    const { differences } = JSON.parse(out) as {
      readonly differences: readonly { readonly kind: string; readonly a: number; readonly b: number }[];
    };
    expect(differences.filter(({ kind }) => kind === "repeats").map(({ a, b }) => [a, b])).toEqual([
      [5, 10],
      [10, 20],
      [5, 10],
    ]);
    expect(differences.some(({ kind }) => kind === "output")).toBe(false);
  });

  test("kinds that are ignored do not count", async () => {
    const pair = ["inception_resnet_v2.spec", "inception_resnet_v2.spec:residualScale=0.17,0.1,0.3"] as const;
    expect((await diff(...pair)).code).toBe(1);
    expect((await diff(...pair, "--ignore", "factor,name")).out).toMatch(/\nidentical\n$/);
  });

  test("--svg draws them side by side", async () => {
    const file = path.join(folder, "beside.svg");
    expect((await diff("googlenet.paper", "googlenet.public", "--svg", file)).code).toBe(1);
    expect(readFileSync(file, "utf8")).toContain(">googlenet.paper</text>");
  });

  test("an exported file equals its description, and says what it is", async () => {
    const { code, out } = await diff(DIGITS_NETWORK, path.join(DIGITS, "digits.onnx"));
    expect(out).toContain("note: B reports: googlenet.public numClasses=10 inputSize=64,64 widthMultiplier=0.25\n");
    expect(out).toMatch(/\nidentical\n$/);
    expect(code).toBe(0);
  });

  test("a run is the network that it trains", async () => {
    const run = path.join(folder, "run");
    mkdirSync(run);
    const options = { inputSize: [64, 64], widthMultiplier: 0.25, aux: true };
    const config = { format: "inceptionkit-run", version: 1, model: "googlenet.public", options, graphHash: "", settings: {} };
    writeFileSync(path.join(run, "config.json"), JSON.stringify(config));
    writeFileSync(path.join(run, "labels.json"), JSON.stringify(Array.from({ length: 10 }, (_, index) => String(index))));
    writeFileSync(path.join(run, "preprocessing.json"), readFileSync(path.join(DIGITS, "preprocessing.json")));
    expect((await diff(run, DIGITS_NETWORK)).code).toBe(0);
    expect((await diff(run, "googlenet")).code).toBe(1);
  });

  const file = sharedPath("data/model_formats/light_inception_v1.onnx");
  test.skipIf(file === null)(titleNeeding("a stranger's file of counted names", file, "data/model_formats"), async () => {
    const { code, out } = await diff("googlenet.paper", String(file), "--json");
    expect(code).toBe(1);
    const { b, notes, differences } = JSON.parse(out) as {
      readonly b: { readonly parameters: number };
      readonly notes: readonly string[];
      readonly differences: readonly { readonly path: string; readonly kind: string }[];
    };
    // The count of the paper's network; its pools round down, as its maps of 27 and 13 pixels show.
    expect(b.parameters).toBe(6_998_552);
    expect(notes).toContain("names in B are numbers: layers are matched by what they do, in order, and names are not compared");
    expect(differences.filter(({ kind }) => kind === "kernel" || kind === "bias")).toEqual([]);
  });

  test("what cannot be compared is refused", async () => {
    expect(await refusal("nothing", "googlenet")).toMatch(/^inception: Cannot find model "nothing": expected one of googlenet\.paper, /);
    expect(await refusal("googlenet", "googlenet:aux")).toBe(
      'inception: Cannot read "aux" of "googlenet:aux" as an option: expected name=value, as in googlenet:numClasses=10',
    );
    const weights = path.join(DIGITS, "googlenet-digits.safetensors");
    expect(await refusal("googlenet", weights)).toBe(
      `inception: Cannot compare "${weights}" as a network: it is not an ONNX file; to compare weights, use diff --tensors`,
    );
    expect(await refusal("googlenet", "googlenet", "--tolerance", "1")).toBe(
      "inception: unexpected --tolerance: supported only with --tensors; see inception diff --help",
    );
    const broken = path.join(folder, "broken.onnx");
    writeFileSync(broken, readFileSync(path.join(DIGITS, "digits.onnx")).subarray(0, 1000));
    expect(await refusal("googlenet", broken)).toMatch(/^inception: Cannot read /);
  });
});

describe("two sets of weights", () => {
  test("names, shapes and values; exit codes", async () => {
    const a = write("a.safetensors", { w: [1, 2, 3], bias: [0], only: [1] });
    const b = write("b.safetensors", { w: [1, 2.5, 3], bias: [0] });
    const { code, out } = await diff("--tensors", a, b, "--json");
    expect(code).toBe(1);
    const { differences, ...rest } = JSON.parse(out) as { readonly differences: readonly unknown[] };
    expect(rest).toEqual({ equal: false, a: { name: a, tensors: 3 }, b: { name: b, tensors: 2 }, compared: 2 });
    expect(differences.length).toBe(2);
    expect(differences).toContainEqual({ path: "only", kind: "tensor", a: "float32[1]", b: null });
    const values = { elements: 3, equal: 2, absolute: 0.5, relative: 0.2, index: 1 };
    expect(differences).toContainEqual({ path: "w", kind: "values", a: 2, b: 2.5, values });
    expect((await diff("--tensors", a, a)).out).toMatch(/3 tensors with equal name and shape, identical\n$/);
    expect((await diff("--tensors", b, b)).code).toBe(0);
    expect((await diff("--tensors", a, b)).out).toMatch(/^w +values +2 +2\.5 +0\.500 +0\.200 +2 of 3$/m);
  });

  test("a tolerance, and half precision against the file that was made of it", async () => {
    const a = write("c.safetensors", { w: [1, 2, 3] });
    const b = write("d.safetensors", { w: [1, 2.5, 3] });
    expect((await diff("--tensors", a, b, "--tolerance", "0.2")).code).toBe(0);
    expect((await diff("--tensors", a, b, "--tolerance", "0.19")).code).toBe(1);
    const files = [path.join(DIGITS, "googlenet-digits.safetensors"), path.join(DIGITS, "digits.onnx")] as const;
    expect((await diff("--tensors", ...files)).out).toMatch(/ and 284 more +dtype +float16 +float32$/m);
    expect((await diff("--tensors", ...files, "--tolerance", "1e-7")).code).toBe(0);
  });

  test("--model brings names of several sources together", async () => {
    const file = path.join(DIGITS, "googlenet-digits.safetensors");
    const options = ["numClasses=10", "inputSize=64", "widthMultiplier=0.25"].flatMap((option) => ["--option", option]);
    const { code, out } = await diff("--tensors", file, file, "--model", "googlenet", ...options);
    expect(out).toMatch(/287 tensors with equal name and shape, identical\n$/);
    expect(code).toBe(0);
  });

  test("what cannot be compared is refused", async () => {
    const file = write("e.safetensors", { w: [1] });
    expect(await refusal("--tensors", "googlenet", file)).toBe(
      'inception: Cannot compare the weights of "googlenet": a model id has no weights, expected a file, hf:owner/name, a run directory or a bundled model',
    );
    expect(await refusal("--tensors", file, path.join(folder, "absent.pt"))).toMatch(/^inception: Cannot /);
    expect(await refusal("--tensors", file, file, "--tolerance", "-1")).toBe(
      "inception: invalid --tolerance -1: expected a number of at least 0",
    );
    expect(await refusal("--tensors", file, file, "--svg", "x.svg")).toBe(
      "inception: unexpected --svg: not supported with --tensors; see inception diff --help",
    );
  });
});
