/** The samples of a dataset in the worker that makes batches. */
import type { SampleReader } from "../data/batches/maker.js";
import { givenSample, type SampleStore, sampleName } from "../data/dataset-source.js";
import type { Image } from "../data/image.js";
import { renderShapes10 } from "../data/shapes10.js";
import { InceptionError } from "../errors.js";
import { type Codecs, DECODE_LIMITS, decodeFile } from "./decode.js";
import { readImageInput } from "./image-input.js";

/** @param cacheBytes - limit of the decoded images that are kept from epoch to epoch */
export function pageSamples(codecs: Promise<Codecs>, samples: SampleStore, cacheBytes: number): SampleReader {
  const cache = new Map<number, Image>();
  let free = cacheBytes;
  return {
    read: async (index) => {
      const kept = cache.get(index);
      if (kept !== undefined) return kept;
      const { image, made } = await readSample(codecs, samples, index);
      if (made && image.data.byteLength <= free && !cache.has(index)) {
        free -= image.data.byteLength;
        cache.set(index, image);
      }
      return image;
    },
    close: async () => cache.clear(),
  };
}

/** @returns the image, and whether it was decoded or drawn here */
async function readSample(codecs: Promise<Codecs>, samples: SampleStore, index: number): Promise<{ image: Image; made: boolean }> {
  if (samples.kind === "shapes10") {
    const { seed, split, side, indices } = samples;
    return { image: renderShapes10({ seed, split, side, index: indices[index] ?? 0 }), made: true };
  }
  const input = givenSample(samples, index);
  if (input === undefined) throw new InceptionError("SOURCE_INVALID", "Cannot read an image: a page cannot read files of Node", {});
  const read = await readImageInput(input);
  if (!("bytes" in read)) return { image: read, made: false };
  return { image: await decodeFile(await codecs, read.bytes, sampleName(samples, index), DECODE_LIMITS), made: true };
}
