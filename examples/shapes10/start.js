// Trains a small Inception-ResNet on ten classes of synthetic images, evaluates it, exports it as ONNX and classifies new
// images with the exported file. Needs no data and no connection: `npm start`, or
//   node examples/shapes10/start.js [directory for the results] [number of training images]
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { renderShapes10, SHAPES10_CLASSES } from "inceptionkit/data";
import {
  evaluateModel,
  exportOnnx,
  imageBatch,
  loadModel,
  prepareRun,
  progressReport,
  runRows,
  topPredictions,
  trainModel,
} from "inceptionkit/node";

const [, , givenFolder, images = "2000"] = process.argv;
/** Training and validation images, and their height and width. */
const DATA = `shapes10?train=${images}&val=${Math.ceil(Number(images) / 4)}&size=75`;
const MODEL = "inception_resnet_v1";
/** A quarter of the channels, one to two blocks of each kind, the classifier on the pooled features. */
const NETWORK = { inputSize: 75, widthMultiplier: 0.25, repeats: [1, 2, 1], embeddingSize: 0, dropRate: 0.2 };
const SETTINGS = { recipe: "scratch", epochs: 4, batchSize: 32, learningRate: 0.05, augmentation: "none", seed: 1 };
/** New images, of a seed that training has not used. */
const SHOWN = 10;
const UNSEEN_SEED = 2026;

const say = (text) => void process.stdout.write(`${text}\n`);
const percent = (value) => `${(100 * value).toFixed(1)}%`;

// Where the results go: the given directory, or a new one.
const folder = givenFolder ?? (await mkdtemp(path.join(tmpdir(), "inceptionkit-shapes10-")));
const run = path.join(folder, "run");
const onnx = path.join(folder, "shapes10.onnx");

say(`Training ${MODEL} on images of ${SHAPES10_CLASSES.join(", ")}.\n`);
const progress = progressReport({
  write: (text) => void process.stderr.write(text),
  interactive: process.stderr.isTTY === true,
  columns: process.stderr.columns ?? 80,
});
const began = performance.now();
const trained = await trainModel(MODEL, { ...SETTINGS, data: DATA }, { out: run, options: NETWORK, onEvent: progress.onEvent });
progress.close();
say(`\nTrained ${trained.steps} steps in ${((performance.now() - began) / 1000).toFixed(0)} s.`);

const { evaluation } = await evaluateModel(run, null);
say(`Top-1 on ${evaluation.images} validation images: ${percent(evaluation.top1)} (loss ${evaluation.loss.toFixed(3)}).\n`);

const { bytes } = await exportOnnx(await prepareRun(run), onnx);
const model = await loadModel(onnx);
const unseen = Array.from({ length: SHOWN }, (_, index) => renderShapes10({ seed: UNSEEN_SEED, split: "val", index, side: NETWORK.inputSize }));
const rows = await runRows(model.session, imageBatch(unseen, model.metadata.preprocessing), "logits");
for (const [index, row] of rows.entries()) {
  const [best] = topPredictions(row, 1, model.metadata.labels);
  const truth = SHAPES10_CLASSES[index % SHAPES10_CLASSES.length];
  say(`  ${truth.padEnd(18)} classified as ${best.className.padEnd(18)} ${percent(best.probability).padStart(6)}${best.className === truth ? "" : "   wrong"}`);
}
await model.close();

say(`
exported model    ${onnx} (${(bytes / 1e6).toFixed(1)} MB)
report            ${trained.report}
run               ${run}`);
