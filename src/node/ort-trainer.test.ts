import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { InceptionError } from "../errors.js";
import { floats, modelBytes, op, value } from "../runtime/session.cases.js";
import type { TrainingProgram } from "../runtime/trainer.js";
import { createNodeTrainer } from "./ort-trainer.js";
import { profileByOp } from "./ort-trainer-profile.js";

// What every trainer does is in runtime/trainer.cases.ts; here is what only this one does.

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "inception-trainer-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** w ← relu(w·w). */
function squared(): TrainingProgram {
  const nodes = [op("MatMul", ["w", "w"], ["product"]), op("Relu", ["product"], ["w.new"])];
  const model = modelBytes(nodes, [value("w", "float32", [2, 2])], [value("w.new", "float32", [2, 2])]);
  return { model, state: [{ input: "w", output: "w.new" }], reads: [] };
}

test("writes a profile that says how often each operator ran", async () => {
  const profile = path.join(folder, "profile");
  const trainer = await createNodeTrainer({ step: squared() }, new Map([["w", floats([2, 2], [1, 0, 0, -1])]]), { profile });
  for (let step = 0; step < 3; step++) await trainer.run("step", {});
  await trainer.close();
  const ops = await profileByOp(`${profile}.step.json`);
  expect(Object.fromEntries(ops.map(({ op, calls }) => [op, calls]))).toEqual({ MatMul: 3, Relu: 3 });
  expect(ops.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
  expect((await readdir(folder)).filter((name) => name.startsWith("profile"))).toEqual(["profile.step.json"]);
});

test("refuses a profile in a folder that is not there, and a file that is no profile", async () => {
  const missing = path.join(folder, "none");
  const error = await createNodeTrainer({}, new Map(), { profile: path.join(missing, "p") }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InceptionError);
  expect(error).toMatchObject({ code: "FILE_NOT_FOUND", message: `Cannot open "training" with a profile: no such directory "${missing}"` });
  const file = path.join(folder, "other.json");
  await writeFile(file, "{}");
  await expect(profileByOp(file)).rejects.toMatchObject({
    code: "FILE_CORRUPT",
    message: `Cannot read profile "${file}": it is not a list of events, expected a profile of onnxruntime`,
  });
});

test("keeps the thread of the caller free, and its process alive only while something is under way", async () => {
  const side = 1200;
  const model = modelBytes(
    [op("MatMul", ["w", "w"], ["w.new"])],
    [value("w", "float32", [side, side])],
    [value("w.new", "float32", [side, side])],
  );
  await writeFile(path.join(folder, "square.onnx"), model);
  const library = pathToFileURL(path.resolve(import.meta.dirname, "../../dist/node/ort-trainer.js")).href;
  const file = path.join(folder, "program.mjs");
  await writeFile(
    file,
    `import { readFileSync } from "node:fs";
    import { createNodeTrainer } from ${JSON.stringify(library)};
    const model = readFileSync(${JSON.stringify(path.join(folder, "square.onnx"))});
    const w = { dtype: "float32", shape: [${side}, ${side}], data: new Float32Array(${side * side}) };
    const program = { model, state: [{ input: "w", output: "w.new" }], reads: [] };
    const trainer = await createNodeTrainer({ square: program }, new Map([["w", w]]));
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    await trainer.run("square", {});
    clearInterval(timer);
    console.log(ticks >= 2);
    trainer.run("square", {}).then(() => console.log("late"));`,
  );
  // It never closes the trainer: a process that did not end by itself would be killed and fail.
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { timeout: 30_000 });
  expect({ stdout, stderr }).toEqual({ stdout: "true\nlate\n", stderr: "" });
});
