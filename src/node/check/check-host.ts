import type { CheckImagesHost } from "../../tasks/check/check-images.js";
import { openEncodedSamples, type SampleSources } from "../datasets/sample-reader.js";
import type { NODE_MODELS } from "../load-model.js";
import type { PlaceOptions } from "../platform.js";
import type { SourceOptions } from "../source-options.js";

/** Where images are checked in Node. */
export function checkHost(models: typeof NODE_MODELS, { allowHttps }: SampleSources): CheckImagesHost<SourceOptions, PlaceOptions> {
  return {
    models,
    openSamples: (samples) => openEncodedSamples(samples, { allowHttps: allowHttps === true }),
    pause: () => new Promise((resolve) => setImmediate(resolve)),
  };
}
