/** Copies of a data set with faults of which each is known: duplicates, leaks and wrong labels. */
import { copyFileSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import path from "node:path";
import sharp from "sharp";
import { randomStream } from "../src/data/random.js";

export const CHANGES = ["copied", "recompressed", "resized", "flipped", "cropped"] as const;
export type Change = (typeof CHANGES)[number];

export interface PlantedCopy {
  readonly change: Change;
  /** Relative to the folder, as in `train/daisy/1.jpg`. */
  readonly original: string;
  readonly copy: string;
}

export interface Planted {
  /** Within training and one class. */
  readonly copies: readonly PlantedCopy[];
  /** From training into validation. */
  readonly leaks: readonly PlantedCopy[];
  /** Training images that were moved to another class. */
  readonly flipped: readonly string[];
}

interface PlantOptions {
  /** Folders of the source for training and for validation. */
  readonly parts: readonly [train: string, val: string];
  /** How many images of each class are copied from each of them. */
  readonly perClass: readonly [train: number, val: number];
  /** Copies within training, and leaks, of each change. */
  readonly each: number;
  /** Fraction of the training images that get a wrong label. */
  readonly flips: number;
  readonly seed: number;
}

/** Copies `PART/CLASS/*.jpg` to `train` and `val` of another folder, with faults; no image has two of them. */
export async function plantFaults(source: string, target: string, options: PlantOptions): Promise<Planted> {
  const classes = readdirSync(path.join(source, options.parts[0])).sort();
  const random = randomStream({ seed: options.seed, purpose: "planted faults" });
  const train = ["train", "val"].flatMap((part, k) =>
    classes.flatMap((name) => {
      const [from, to] = [path.join(source, options.parts[k]!, name), `${part}/${name}`];
      mkdirSync(path.join(target, to), { recursive: true });
      const files = readdirSync(from).sort().slice(0, options.perClass[k]);
      for (const file of files) copyFileSync(path.join(from, file), path.join(target, to, file));
      return part === "train" ? files.map((file) => ({ name, file })) : [];
    }),
  );
  const drawn = Array.from(random.permutation(train.length), (at) => train[at]!);
  const flipped = drawn.splice(0, Math.round(options.flips * train.length)).map(({ name, file }) => {
    const other = classes[(classes.indexOf(name) + 1 + random.below(classes.length - 1)) % classes.length]!;
    const moved = `train/${other}/moved-${name}-${file}`;
    renameSync(path.join(target, "train", name, file), path.join(target, moved));
    return moved;
  });
  const plant = async (part: string): Promise<readonly PlantedCopy[]> => {
    const planted: PlantedCopy[] = [];
    for (const change of CHANGES) {
      for (const { name, file } of drawn.splice(0, options.each)) {
        const [original, copy] = [`train/${name}/${file}`, `${part}/${name}/${change}-${file}`];
        await changed(change, path.join(target, original), path.join(target, copy), [random.uniform(), random.uniform()]);
        planted.push({ change, original, copy });
      }
    }
    return planted;
  };
  return { copies: await plant("train"), leaks: await plant("val"), flipped };
}

/** Quality 60 is strong for photographs; resizing halves the sides, or enlarges small images by half. */
async function changed(change: Change, from: string, to: string, [x, y]: readonly [number, number]): Promise<void> {
  if (change === "copied") return copyFileSync(from, to);
  const image = sharp(from);
  const { width, height } = await image.metadata();
  const [w, h] = [Math.round(0.9 * width), Math.round(0.9 * height)];
  const factor = Math.min(width, height) > 64 ? 0.5 : 1.5;
  const made = {
    recompressed: () => image,
    resized: () => image.resize(Math.round(factor * width), Math.round(factor * height), { fit: "fill" }),
    flipped: () => image.flop(),
    cropped: () => image.extract({ left: Math.round(x * (width - w)), top: Math.round(y * (height - h)), width: w, height: h }),
  }[change]();
  await made.jpeg({ quality: change === "recompressed" ? 60 : 90 }).toFile(to);
}
