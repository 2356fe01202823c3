import type { ImageCheck } from "../../check/image-check.js";
import { givenSample, type SampleStore, sampleName } from "../../data/dataset-source.js";
import { MAX_IMAGE_BYTES } from "../../data/image-format.js";
import { InceptionError } from "../../errors.js";
import type { Platform, SourceOptions } from "../../runtime/platform.js";
import type { SessionOptions } from "../../runtime/session.js";
import { isFileInput, isImage } from "../image-input.js";
import type { LabeledImages } from "../labeled-images.js";
import type { ModelHost, OpenModelOptions } from "../model-host.js";
import type { EncodedSamples } from "./check-dataset.js";
import { type CheckImagesOptions, checkLabeledImages } from "./check-images.js";

/** Checks images that a program has, over a platform alone. @throws InceptionError as `checkLabeledImages` */
export async function checkGivenImages<F extends SourceOptions, P extends SessionOptions>(
  models: ModelHost<F, P>,
  pause: () => Promise<void>,
  data: LabeledImages,
  open: OpenModelOptions & F & P,
  options: CheckImagesOptions,
): Promise<ImageCheck> {
  const openSamples = (samples: SampleStore) => encodedSamples(models.platform, samples);
  return checkLabeledImages({ models, openSamples, pause }, data, open, options);
}

/** The bytes of files, pixels of anything else. */
function encodedSamples(platform: Pick<Platform, "decodeImage" | "openSource">, samples: SampleStore): EncodedSamples {
  return {
    read: async (index) => {
      const input = givenSample(samples, index);
      const name = sampleName(samples, index);
      if (input === undefined) throw new InceptionError("SOURCE_INVALID", `Cannot read image ${index}: it is a file of Node`, { index });
      if (isImage(input) || !isFileInput(input)) return platform.decodeImage(input, { name });
      const opened = await platform.openSource(input, { maxBytes: MAX_IMAGE_BYTES });
      return opened.read(0, opened.size).finally(() => opened.close());
    },
    close: async () => undefined,
  };
}
