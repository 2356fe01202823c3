import { InceptionError, messageOf } from "../errors.js";
import { isStreamed, STDIN } from "../node/image-source.js";
import { IMAGE_EXTENSIONS, listImages } from "../node/list-images.js";
import { listVolumes } from "../node/segment/list-volumes.js";
import { unexpected } from "./usage-error.js";

/** What the operands of a command lead to. */
interface Inputs {
  readonly files: readonly string[];
  /** Operands that lead to no file, and why. */
  readonly failed: readonly { readonly file: string; readonly error: InceptionError }[];
}

/**
 * The image files that operands stand for, in order; `-` and URLs stand for themselves. An operand that leads to none is an input that failed, so that the others are
 * still used; alone it is an error.
 *
 * @throws InceptionError FILE_NOT_FOUND, SOURCE_INVALID, DATASET_INVALID of the only operand
 */
export async function imageInputs(paths: readonly string[]): Promise<Inputs> {
  if (paths.filter((place) => place === STDIN).length > 1) throw unexpected(['argument "-"'], "standard input can be read only once");
  return inputsOf(paths, async (place) => {
    if (isStreamed(place)) return [place];
    const files = await listImages([place]);
    if (files.length > 0) return files;
    const fact = `it contains no image, expected files that end in ${IMAGE_EXTENSIONS.join(", ")}`;
    throw new InceptionError("DATASET_INVALID", `Cannot list images of "${messageOf(place)}": ${fact}`, { place });
  });
}

/** The same for volumes. */
export function volumeInputs(paths: readonly string[]): Promise<Inputs> {
  return inputsOf(paths, (place) => listVolumes([place]));
}

async function inputsOf(paths: readonly string[], list: (place: string) => Promise<readonly string[]>): Promise<Inputs> {
  const [files, failed]: [string[], { readonly file: string; readonly error: InceptionError }[]] = [[], []];
  for (const place of paths) {
    try {
      files.push(...(await list(place)));
    } catch (thrown) {
      if (!(thrown instanceof InceptionError) || paths.length === 1) throw thrown;
      failed.push({ file: place, error: thrown });
    }
  }
  return { files, failed };
}
