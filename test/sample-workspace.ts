/**
 * A directory that holds what the examples of the documentation refer to: photographs, runs, scans. Examples run in it as
 * they are written. Networks are tiny; what they predict means nothing.
 */
import { copyFileSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { generateVolume } from "../src/data/index.js";
import { trainModel } from "../src/node/training/train-model.js";
import { trainSegmentation } from "../src/node/training/train-segmentation.js";
import { writeVolume } from "../src/node/volumes.js";
import { dicomSeries, folderOf } from "./dicom-series.js";
import { ROOT } from "./program.js";

const CASES = 4;

/** Fill an empty directory. */
export async function fillWorkspace(folder: string): Promise<void> {
  for (const name of ["examples", "assets", "test", "docs"]) symlinkSync(path.join(ROOT, name), path.join(folder, name));
  mkdirSync(path.join(folder, "runs"));
  copyFileSync(path.join(ROOT, "test/goldens/pth/tiny_state_dict.zip.pth"), path.join(folder, "checkpoint.pt"));
  copyFileSync(path.join(ROOT, "examples/digits/digits.onnx"), path.join(folder, "model.onnx"));
  await photographs(folder);
  await fillScans(folder);
  series(folder);
  const out = (name: string): string => path.join(folder, "runs", name);
  const photos = { data: path.join(folder, "photos"), valFraction: 0.5, epochs: 1, batchSize: 8, augmentation: "none", seed: 1 };
  await trainModel("googlenet", photos, { out: out("photos"), options: { inputSize: 64, widthMultiplier: 0.125 }, threads: 1 });
  symlinkSync("photos", out("flowers"));
  const volumes = {
    data: path.join(folder, "Task04_Hippocampus"),
    fold: 0,
    folds: 2,
    epochs: 1,
    batchSize: 1,
    patchSize: "24,24,24",
    seed: 1,
  };
  await trainSegmentation("inception_resnet_3d", volumes, { out: out("hippocampus"), options: { widthMultiplier: 0.05 }, threads: 1 });
}

const FLOWERS = ["daisy", "dandelion", "rose", "sunflower", "tulip"];

/** Digits of the package, two of them to a class, as `photos/<class>/` and `flowers/<class>/`, and one as `photo.jpg`. */
async function photographs(folder: string): Promise<void> {
  const digits = path.join(ROOT, "examples/digits/images");
  for (const file of readdirSync(digits)) {
    const classFolder = path.join(folder, "photos", FLOWERS[Math.floor(Number(file.slice(0, 1)) / 2)] ?? "");
    mkdirSync(classFolder, { recursive: true });
    copyFileSync(path.join(digits, file), path.join(classFolder, file));
  }
  symlinkSync("photos", path.join(folder, "flowers"));
  await sharp(path.join(digits, "7-a.png")).jpeg().toFile(path.join(folder, "photo.jpg"));
}

/** Synthetic volumes as a Decathlon dataset, as `scans/` with `labels/`, and one as `scan.nii.gz`. */
export async function fillScans(folder: string): Promise<void> {
  const dataset = path.join(folder, "Task04_Hippocampus");
  const names = ["imagesTr", "labelsTr"].map((name) => path.join(dataset, name));
  for (const name of names) mkdirSync(name, { recursive: true });
  const ids = Array.from({ length: CASES }, (_, index) => `case_${index}`);
  for (const [index, id] of ids.entries()) {
    const { image, labels } = generateVolume(index + 1);
    await writeVolume(path.join(dataset, "imagesTr", `${id}.nii.gz`), image);
    await writeVolume(path.join(dataset, "labelsTr", `${id}.nii.gz`), labels);
  }
  const training = ids.map((id) => ({ image: `./imagesTr/${id}.nii.gz`, label: `./labelsTr/${id}.nii.gz` }));
  const labels = { "0": "background", "1": "Anterior", "2": "Posterior" };
  writeFileSync(path.join(dataset, "dataset.json"), JSON.stringify({ name: "Synthetic", modality: { "0": "MRI" }, labels, training }));
  symlinkSync("Task04_Hippocampus/imagesTr", path.join(folder, "scans"));
  symlinkSync("Task04_Hippocampus/labelsTr", path.join(folder, "labels"));
  for (const name of ["scan.nii.gz", "brain.nii.gz"]) copyFileSync(path.join(dataset, "imagesTr/case_0.nii.gz"), path.join(folder, name));
}

/** A DICOM series as `ct-slices/`. */
function series(folder: string): void {
  const slices = Array.from({ length: 3 }, (_, index) => Int16Array.from({ length: 12 }, (__, voxel) => 100 * index + voxel));
  symlinkSync(folderOf(folder, dicomSeries([4, 3], slices)), path.join(folder, "ct-slices"));
  symlinkSync("ct-slices", path.join(folder, "dicom-folder"));
}
