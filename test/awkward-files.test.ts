/** Real files of many kinds, through the door that users take: each works, or fails with one typed line, soon. */
import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { InceptionError } from "../src/errors.js";
import { inspectFile } from "../src/node/inspect-file.js";
import { sharedPath, titleNeeding } from "./shared.js";

const FORMATS = "data/model_formats";
const IMAGES = "data/images_awkward";
// Files have at most 3 MB; a second is already a hundred times what reading them takes.
const MAX_MILLISECONDS = 5000;

/** What the formats folder holds for us; everything else in it must be refused. */
const READABLE: Readonly<Record<string, { readonly format: string; readonly tensors: number }>> = {
  "digits_torch.pt": { format: "PyTorch", tensors: 16 },
  "facenet_pytorch_onet.pt": { format: "PyTorch", tensors: 21 },
  "facenet_pytorch_pnet.pt": { format: "PyTorch", tensors: 13 },
  "keras3_nested_container.keras": { format: "Keras archive", tensors: 5 },
  "light_inception_v1.onnx": { format: "onnx", tensors: 118 },
  "light_inception_v2.onnx": { format: "onnx", tensors: 486 },
  "mnist_cnn.h5": { format: "Keras HDF5", tensors: 8 },
};

async function inspect(file: string): Promise<{ readonly format: string; readonly tensors: number } | InceptionError> {
  const start = performance.now();
  try {
    const { format, tensors } = await inspectFile(file);
    return { format, tensors: tensors.length };
  } catch (thrown) {
    if (thrown instanceof InceptionError) return thrown;
    throw thrown;
  } finally {
    expect(performance.now() - start).toBeLessThan(MAX_MILLISECONDS);
  }
}

function filesBelow(folder: string | null): readonly string[] {
  if (folder === null) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => statSync(path.join(folder, file)).isFile());
}

describe("inspect", () => {
  const formats = sharedPath(FORMATS);
  test.skipIf(!formats)(titleNeeding("every model format", formats, FORMATS), async () => {
    for (const file of filesBelow(formats)) {
      const result = await inspect(path.join(formats ?? "", file));
      if (result instanceof InceptionError) {
        expect(READABLE[file]).toBeUndefined();
        expect(["FILE_UNRECOGNIZED", "FILE_UNSUPPORTED", "FILE_UNSAFE"]).toContain(result.code);
        expect(result.message).toMatch(/^Cannot read [^\n]+$/);
        expect(result.message).toContain(path.basename(file));
      } else expect(result).toEqual(READABLE[file]);
    }
  });

  const images = sharedPath(IMAGES);
  test.skipIf(!images)(titleNeeding("images are no weights", images, IMAGES), async () => {
    for (const file of filesBelow(images)) {
      expect(await inspect(path.join(images ?? "", file))).toBeInstanceOf(InceptionError);
    }
  });
});
