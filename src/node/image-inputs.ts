/** Image files to prepared inputs, in batches, with a bound on the decoded pixels that are in memory at once. */
import { type Preprocessing, rgbImage } from "../data/index.js";
import { InceptionError, orError } from "../errors.js";
import { openNpy } from "../formats/npy.js";
import { imageBatch } from "../predict/predict.js";
import type { Float32Tensor } from "../tensor/tensor.js";
import { type Budget, createBudget } from "./budget.js";
import { openImage } from "./decode-image.js";
import { openFileSource } from "./file-source.js";
import { imageName } from "./image-source.js";

/** Bytes of decoded pixels in memory at once: four photographs of 33 megapixels, or one of the 100 that `decodeImage` allows. */
export const MAX_DECODED_BYTES = 384 * 2 ** 20;

/** Files that are open at once. Node's pool decodes with four threads, so that more would only hold encoded bytes. */
const MAX_OPEN_FILES = 4;

/** The image of one file as the network reads it, or the reason why there is none. */
export interface ImageInput {
  /** The file; of an image in an array `FILE#INDEX`. */
  readonly file: string;
  /** Position of the file in the list. */
  readonly index: number;
  /** [1, C, H, W] */
  readonly input: Float32Tensor | InceptionError;
}

interface ImageInputOptions {
  readonly preprocessing: Preprocessing;
  /** Images per batch; the last one may have fewer. */
  readonly batch: number;
  /** Whether files that end in `.npy` are read as uint8 arrays [N, 3, H, W]. Default: false. */
  readonly arrays?: boolean;
  /** What is decoded of a file: its path, or its bytes. Default: the path. */
  readonly open?: (file: string) => Promise<string | Uint8Array>;
  /** Bytes of decoded pixels in memory at once. Default: 384 MiB. */
  readonly pixels?: Budget;
}

/**
 * Reads, decodes and preprocesses images in batches, in the order of the files. Each image is preprocessed as soon as it
 * is decoded, so that only inputs wait for the rest of their batch. A file that cannot be used is in its batch with its error.
 */
export async function* readImageInputs(files: readonly string[], options: ImageInputOptions): AsyncGenerator<readonly ImageInput[]> {
  const budgets = { files: createBudget(MAX_OPEN_FILES), pixels: options.pixels ?? createBudget(MAX_DECODED_BYTES) };
  let pending: ImageInput[] = [];
  for await (const some of inputsOf(files, options, budgets)) {
    pending.push(...some);
    for (; pending.length >= options.batch; pending = pending.slice(options.batch)) yield pending.slice(0, options.batch);
  }
  if (pending.length > 0) yield pending;
}

interface Budgets {
  readonly files: Budget;
  readonly pixels: Budget;
}

/** Image files so many at a time as make a batch, the images of an array one by one. */
async function* inputsOf(files: readonly string[], options: ImageInputOptions, budgets: Budgets): AsyncGenerator<readonly ImageInput[]> {
  const isArray = (file: string): boolean => options.arrays === true && file.toLowerCase().endsWith(".npy");
  for (let start = 0; start < files.length; ) {
    const first = files[start] ?? "";
    if (isArray(first)) {
      for await (const input of arrayInputs(first, start, options.preprocessing)) yield [input];
      start++;
      continue;
    }
    const group = files.slice(start, start + options.batch);
    const end = group.findIndex(isArray);
    const images = end < 0 ? group : group.slice(0, end);
    yield await Promise.all(images.map((file, k) => imageInput(file, start + k, options, budgets)));
    start += images.length;
  }
}

function imageInput(file: string, index: number, { preprocessing, open }: ImageInputOptions, budgets: Budgets): Promise<ImageInput> {
  const prepare = async (): Promise<Float32Tensor> => {
    const source = open === undefined ? file : await open(file);
    const image = await openImage(source, { name: imageName(file) });
    return budgets.pixels.spend(image.decodedBytes, async () => imageBatch([await image.decode()], preprocessing));
  };
  return budgets.files.spend(1, async () => ({ file, index, input: await orError(prepare) }));
}

/** The images of a uint8 array [N, 3, H, W], named `FILE#0`, `FILE#1`, …. */
async function* arrayInputs(file: string, index: number, preprocessing: Preprocessing): AsyncGenerator<ImageInput> {
  const images = await orError(() => readPixelArray(file));
  if (images instanceof InceptionError) {
    yield { file, index, input: images };
    return;
  }
  const { count, width, height, data } = images;
  const plane = height * width;
  for (let k = 0; k < count; k++) {
    const pixels = new Uint8Array(3 * plane);
    for (let c = 0; c < 3; c++) for (let i = 0; i < plane; i++) pixels[3 * i + c] = data[(k * 3 + c) * plane + i] ?? 0;
    yield { file: `${file}#${k}`, index, input: await orError(async () => imageBatch([rgbImage(width, height, pixels)], preprocessing)) };
  }
}

interface PixelArray {
  readonly count: number;
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

async function readPixelArray(file: string): Promise<PixelArray> {
  const source = await openFileSource(file);
  try {
    const { dtype, shape, data } = await openNpy(source);
    const [count = 0, channels = 0, height = 0, width = 0] = shape;
    if (shape.length === 4 && channels === 3 && data instanceof Uint8Array && dtype === "uint8") return { count, width, height, data };
    const message = `Cannot read images from "${file}": it contains ${dtype} [${shape.join(", ")}], expected uint8 [N, 3, H, W]`;
    throw new InceptionError("FILE_UNSUPPORTED", message, { file });
  } finally {
    await source.close();
  }
}
