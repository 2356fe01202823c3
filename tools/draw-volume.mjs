/**
 * Writes the volume of examples/segment, and the labels that it was drawn with.
 *
 *   npm run build && node tools/draw-volume.mjs examples/segment
 */
import path from "node:path";
import { drawVolume } from "../dist/data/index.js";
import { writeVolume } from "../dist/node/index.js";

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write("usage: node tools/draw-volume.mjs FOLDER\n");
  process.exit(2);
}
const { image, labels } = drawVolume(1);
await writeVolume(path.join(folder, "drawn.nii.gz"), image);
await writeVolume(path.join(folder, "drawn-labels.nii.gz"), labels);
