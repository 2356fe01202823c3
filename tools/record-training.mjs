/**
 * Writes into the header of a segmentation model (safetensors) what `inception train-seg` records for a run today: the axes that
 * training mirrored, and statistics of the training cases. Tensors keep their bytes. For models trained before these were recorded.
 *
 *   npm run build && node tools/record-training.mjs DATA assets/hippocampus.safetensors 0 5 1 usual
 *
 * DATA is the labeled data of the training; fold, number of folds, seed and augmentation are the settings of the run.
 */
import { readFile } from "node:fs/promises";
import { foldSplit } from "../dist/data/index.js";
import { openVolumeDataset, readCase } from "../dist/node/datasets/volume-dataset.js";
import { writeFileAtomic } from "../dist/node/write-file.js";
import { METADATA_KEY, encodeModelMetadata, parseModelMetadata } from "../dist/predict/model-metadata.js";
import { caseStatistics, trainingStatistics } from "../dist/segment/index.js";
import { volumeAugmentation } from "../dist/train/segmentation-settings.js";

const [data, file, fold, folds, seed, augmentation] = process.argv.slice(2);
if (augmentation === undefined) {
  process.stderr.write("usage: node tools/record-training.mjs DATA MODEL.safetensors FOLD FOLDS SEED AUGMENTATION\n");
  process.exit(2);
}
const bytes = await readFile(file);
const headerBytes = Number(bytes.readBigUInt64LE(0));
const header = JSON.parse(bytes.subarray(8, 8 + headerBytes).toString("utf8"));
const metadata = parseModelMetadata(Object.entries(header.__metadata__), file);
const { cases } = await openVolumeDataset(data);
const { train } = foldSplit(cases.length, Number(folds), Number(fold), Number(seed));
const facts = [];
for (const index of train) {
  const { channels, labels } = await readCase(cases[index]);
  facts.push(caseStatistics(cases[index].id, channels, labels));
}
const { mirrorAxes } = volumeAugmentation(augmentation);
const segmentation = { ...metadata.segmentation, mirrorAxes, training: trainingStatistics(facts, metadata.segmentation) };
header.__metadata__[METADATA_KEY] = encodeModelMetadata({ ...metadata, segmentation });
const text = JSON.stringify(header);
// Tensors begin at a multiple of 8 bytes, as they did.
const encoded = Buffer.from(text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8)), "utf8");
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(encoded.length));
await writeFileAtomic(file, [length, encoded, bytes.subarray(8 + headerBytes)]);
process.stdout.write(`${file}: statistics of ${train.length} cases, mirrored along ${mirrorAxes.join(", ") || "none"}\n`);
