import { encodeNpy } from "../formats/npy.js";
import { float32Tensor } from "../tensor/tensor.js";
import { writeFileAtomic } from "./write-file.js";

/** The vector of one image. */
interface EmbeddedImage {
  /** The image's file; of an image in an array `FILE#INDEX`. */
  readonly file: string;
  readonly embedding: readonly number[];
}

/**
 * Writes vectors as a float32 array [images, length], and beside it which row is of which image: for `vectors.npy` the file
 * `vectors.files.json`, `{ "array": "vectors.npy", "shape": [2, 512], "files": ["a.jpg", "b.jpg"] }`.
 *
 * @param file - a name that ends in `.npy`
 * @returns the path of the second file
 * @throws InceptionError WRITE_FAILED
 */
export async function writeEmbeddings(file: string, images: readonly EmbeddedImage[]): Promise<string> {
  const shape = [images.length, images[0]?.embedding.length ?? 0];
  const values = Float32Array.from(images.flatMap(({ embedding }) => embedding));
  await writeFileAtomic(file, [encodeNpy(float32Tensor(shape, values))]);
  const index = `${file.slice(0, -".npy".length)}.files.json`;
  const content = { array: file.replace(/^.*[/\\]/, ""), shape, files: images.map((image) => image.file) };
  await writeFileAtomic(index, [new TextEncoder().encode(`${JSON.stringify(content, null, 2)}\n`)]);
  return index;
}
