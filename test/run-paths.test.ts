/** What leaves this machine names data and weights without their places, and carries the license of the weights on. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { InferenceSession } from "onnxruntime-node";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeModel } from "../src/formats/onnx/decode.js";
import { exportOnnx, exportSafetensors } from "../src/node/export-model.js";
import { openRun, readRunCheckpoint } from "../src/node/open-run.js";
import { prepareRun } from "../src/node/training/run-weights.js";
import { resumeTraining, trainModel } from "../src/node/training/train-model.js";
import { parseModelMetadata } from "../src/predict/model-metadata.js";
import { encodeCheckpoint } from "../src/train/checkpoint.js";

const WEIGHTS = path.resolve(import.meta.dirname, "../examples/digits/googlenet-digits.safetensors");
const LICENCE = "Apache-2.0 (weights); trained on UCI optical recognition of handwritten digits, CC BY 4.0";
let folder = "";

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-private-place-"));
  for (const [name, level] of [
    ["bright", 230],
    ["dark", 20],
  ] as const) {
    mkdirSync(path.join(folder, "pictures", name), { recursive: true });
    for (let index = 0; index < 4; index++) {
      const raw = { width: 64, height: 64, channels: 3 } as const;
      await sharp(Buffer.alloc(3 * 64 * 64, level + index), { raw })
        .png()
        .toFile(path.join(folder, "pictures", name, `${index}.png`));
    }
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a run's report, checkpoints and exports have names, hashes and licences, and no paths; the run resumes and is evaluated", async () => {
  const out = path.join(folder, "run");
  const data = path.join(folder, "pictures");
  const settings = { data, weights: WEIGHTS, epochs: 1, batchSize: 4, valFraction: 0.25, freeze: "backbone", keepCheckpoints: 1 };
  await trainModel("googlenet", settings, { out, options: { widthMultiplier: 0.25, inputSize: 64 }, threads: 1 });
  const sha256 = createHash("sha256").update(readFileSync(WEIGHTS)).digest("hex");

  const config = JSON.parse(readFileSync(path.join(out, "config.json"), "utf8")) as Readonly<Record<string, unknown>>;
  expect(config).toMatchObject({
    settings: { data, weights: WEIGHTS },
    startingWeights: { name: "googlenet-digits.safetensors", sha256, licence: LICENCE },
  });

  const prepared = await prepareRun(out);
  expect(prepared.metadata).toMatchObject({
    source: `trained with inceptionkit on pictures, from googlenet-digits.safetensors (SHA-256 ${sha256}), 1 epochs`,
    licence: `of the starting weights: ${LICENCE}`,
  });
  const [onnx, safetensors] = [path.join(folder, "exported.onnx"), path.join(folder, "exported.safetensors")];
  await exportOnnx(prepared, onnx);
  await exportSafetensors(prepared, safetensors, "inceptionkit");
  expect(parseModelMetadata(decodeModel(Uint8Array.from(readFileSync(onnx))).metadata, onnx)?.licence).toBe(
    `of the starting weights: ${LICENCE}`,
  );
  // The file is whole for another program too.
  await (await InferenceSession.create(onnx)).release();

  for (const file of [
    onnx,
    safetensors,
    ...["report.html", "best.safetensors", "checkpoints/last.safetensors"].map((name) => path.join(out, name)),
  ]) {
    const text = readFileSync(file, "latin1");
    expect(text.includes("inception-private-place-"), file).toBe(false);
    expect(text.includes(path.dirname(WEIGHTS)), file).toBe(false);
  }
  const report = readFileSync(path.join(out, "report.html"), "utf8");
  expect(report).toContain("googlenet on pictures".replace("googlenet", "googlenet.public"));
  expect(report).toContain(sha256);
  expect(report).toContain(LICENCE);

  const resumed = await resumeTraining({ out, threads: 1 });
  expect(resumed.epochs).toBe(1);
  const again = readFileSync(path.join(out, "report.html"), "utf8");
  expect([again.includes("inception-private-place-"), again.includes(LICENCE)]).toEqual([false, true]);
});

test("the hash of a run's weights is of the checkpoint that was read, also while the run replaces it", async () => {
  const out = path.join(folder, "replaced");
  const settings = { data: path.join(folder, "pictures"), epochs: 1, batchSize: 4, valFraction: 0.25 };
  await trainModel("googlenet", settings, { out, options: { widthMultiplier: 0.25, inputSize: 64 }, threads: 1 });
  const { state, meta } = await readRunCheckpoint(await openRun(out), "best");
  const versions = [1, 2].map((value) => {
    const filled = [...state].map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice().fill(value as never) }] as const);
    const { header, chunks } = encodeCheckpoint({ state: new Map(filled), meta });
    return Buffer.concat([header, ...chunks]);
  });
  const hashes = versions.map((bytes) => createHash("sha256").update(bytes).digest("hex"));
  const [best, next] = [path.join(out, "best.safetensors"), path.join(folder, "next")];
  const replace = async (round: number) => {
    await writeFile(next, versions[round % 2] ?? "");
    await rename(next, best);
  };
  await replace(0);
  let ended = false;
  const replacing = (async () => {
    for (let round = 1; !ended; round++) await replace(round);
  })();
  try {
    for (let round = 0; round < 10; round++) {
      const { parameters, metadata } = await prepareRun(out);
      const [first] = parameters.values();
      expect(metadata.weightsSha256).toBe(hashes[Number(first?.data[0]) - 1]);
    }
  } finally {
    ended = true;
    await replacing;
  }
});
