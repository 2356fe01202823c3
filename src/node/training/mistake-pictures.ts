import type { DatasetSource } from "../../data/dataset-source.js";
import type { Evaluation } from "../../train/metrics.js";
import { openSampleReader, type SampleSources } from "../datasets/sample-reader.js";
import { loadOptional } from "../optional-package.js";

/** Side of a picture of a mistake, in pixels. */
const PICTURE_SIDE = 160;

/** The misclassifications with the highest probabilities as images. One that cannot be read again is skipped: the report must not fail for it. */
export async function mistakePictures(
  val: DatasetSource,
  { mistakes }: Evaluation,
  sources: SampleSources,
): Promise<ReadonlyMap<number, string>> {
  const { default: sharp } = await loadOptional("sharp", "draw the images of the report", () => import("sharp"));
  const reader = openSampleReader(val.samples, 0, sources);
  const pictures = new Map<number, string>();
  try {
    for (const { index } of mistakes) {
      const image = await reader.read(index).catch(() => null);
      if (image === null) continue;
      const raw = { width: image.width, height: image.height, channels: image.channels };
      const enlarged = Math.max(image.width, image.height) < PICTURE_SIDE;
      const resized = sharp(image.data, { raw }).resize(PICTURE_SIDE, PICTURE_SIDE, {
        fit: "inside",
        kernel: enlarged ? "nearest" : "lanczos3",
      });
      const bytes = await resized.jpeg({ quality: 82 }).toBuffer();
      pictures.set(index, `data:image/jpeg;base64,${bytes.toString("base64")}`);
    }
    return pictures;
  } finally {
    await reader.close();
  }
}
