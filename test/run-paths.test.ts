/** What leaves this machine names data and weights without their places, and carries the licence of the weights on. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { InferenceSession } from "onnxruntime-node";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { decodeModel } from "../src/formats/onnx/decode.js";
import { exportOnnx, exportSafetensors } from "../src/node/export-model.js";
import { prepareRun } from "../src/node/training/run-weights.js";
import { resumeTraining, trainModel } from "../src/node/training/train-model.js";
import { parseArtefact } from "../src/predict/artefact.js";

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
  const settings = { data, weights: WEIGHTS, epochs: 1, batch: 4, valFraction: 0.25, freeze: "head", keep: 1 };
  await trainModel("googlenet", settings, { out, options: { widthMultiplier: 0.25, inputSize: 64 }, threads: 1 });
  const sha256 = createHash("sha256").update(readFileSync(WEIGHTS)).digest("hex");

  const config = JSON.parse(readFileSync(path.join(out, "config.json"), "utf8")) as Readonly<Record<string, unknown>>;
  expect(config).toMatchObject({
    settings: { data, weights: WEIGHTS },
    startingWeights: { name: "googlenet-digits.safetensors", sha256, licence: LICENCE },
  });

  const prepared = await prepareRun(out);
  expect(prepared.artefact).toMatchObject({
    source: `trained with inceptionkit on pictures, from googlenet-digits.safetensors (SHA-256 ${sha256}), 1 epochs`,
    licence: `of the starting weights: ${LICENCE}`,
  });
  const [onnx, safetensors] = [path.join(folder, "exported.onnx"), path.join(folder, "exported.safetensors")];
  await exportOnnx(prepared, onnx);
  await exportSafetensors(prepared, safetensors, "inceptionkit");
  expect(parseArtefact(decodeModel(Uint8Array.from(readFileSync(onnx))).metadata, onnx)?.licence).toBe(
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
