import type { DatasetSource } from "../../data/dataset-source.js";
import type { Evaluation } from "../../train/metrics.js";
import { openSampleReader, type SampleSources } from "../datasets/sample-reader.js";
import { thumbnail } from "../thumbnail.js";

/** The misclassifications with the highest probabilities as images. One that cannot be read again is skipped: the report must not fail for it. */
export async function mistakePictures(
  val: DatasetSource,
  { mistakes }: Evaluation,
  sources: SampleSources,
): Promise<ReadonlyMap<number, string>> {
  const reader = openSampleReader(val.samples, 0, sources);
  const pictures = new Map<number, string>();
  try {
    for (const { index } of mistakes) {
      const image = await reader.read(index).catch(() => null);
      if (image === null) continue;
      pictures.set(index, await thumbnail(image));
    }
    return pictures;
  } finally {
    await reader.close();
  }
}
