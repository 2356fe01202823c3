/** One cold start: from the start of the process to the first prediction for a picture. Prints one JSON line. */
import { readFileSync } from "node:fs";
import { decodeImage } from "../src/node/decode-image.js";
import { loadModel } from "../src/node/load-model.js";
import { imageBatch, runRows, topPredictions } from "../src/predict/predict.js";

const [model = "", image = "", preprocessing = ""] = process.argv.slice(2);
const loaded = await loadModel(model, { preprocessing, selfCheck: false, outputs: ["logits"] });
if (loaded.metadata.preprocessing === null) throw new Error("Cannot start: no preprocessing");
const [row] = await runRows(loaded.session, imageBatch([await decodeImage(image)], loaded.metadata.preprocessing), "logits");
const [best] = topPredictions(row ?? [], 1, null);
// performance.now() counts from the start of the process.
const ms = performance.now();
await loaded.close();
const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
process.stdout.write(`${JSON.stringify({ ms, peakMb: (Number(peak ?? 0) * 1024) / 1e6, index: best?.index })}\n`);
