/** A model that computes the vectors of an index, and how to see that it is the model of an index. */
import { type Image, rgbImage } from "../../data/image.js";
import { InceptionError, messageOf } from "../../errors.js";
import { quoted } from "../../formats/quoted.js";
import { checkRow, runUncheckedRows } from "../../predict/predict.js";
import type { SourceOptions } from "../../runtime/platform.js";
import type { SessionOptions } from "../../runtime/session.js";
import type { IndexHeader } from "../../search/index-header.js";
import { at } from "../../tensor/at.js";
import type { Float32Tensor } from "../../tensor/tensor.js";
import { formatCount } from "../../text.js";
import { embeddingOutput, type OpenedImages, openImages } from "../classifier.js";
import { joinBatch } from "../image-batch.js";
import type { ModelHost, OpenModelOptions } from "../model-host.js";
import type { ModelSource } from "../model-source.js";

/** An opened model with the vector of the probe. Close `opened.loaded`. */
export interface VectorModel<F extends SourceOptions> {
  readonly opened: OpenedImages<F>;
  readonly output: string;
  readonly probe: Float32Array;
}

/** @throws InceptionError as `openEmbedder` */
export async function openVectorModel<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  options: OpenModelOptions & F & P,
): Promise<VectorModel<F>> {
  const opened = await openImages(host, source, { ...options, needsClassifier: false });
  try {
    const output = embeddingOutput(opened.loaded);
    const { platform, preprocessing, sources } = opened.run;
    const input = await platform.prepareImage(probeImage(), preprocessing, { ...sources, name: "the probe" });
    const probe = at(await vectorsOf({ opened, output }, [input]), 0);
    checkRow(probe, output, "the probe");
    return { opened, output, probe };
  } catch (thrown) {
    await opened.loaded.close();
    throw thrown;
  }
}

/** A row of the output for each input, [1, C, H, W], unchecked. */
export async function vectorsOf<F extends SourceOptions>(
  { opened: { loaded }, output }: Pick<VectorModel<F>, "opened" | "output">,
  inputs: readonly Float32Tensor[],
): Promise<readonly Float32Array[]> {
  return inputs.length === 0 ? [] : runUncheckedRows(loaded.session, joinBatch(inputs, loaded), output);
}

/** What an index says of its model. */
export function headerOf<F extends SourceOptions>(
  { opened: { loaded, run }, output, probe }: VectorModel<F>,
  { root, source }: Pick<IndexHeader, "root" | "source">,
): IndexHeader {
  const { model, weightsSha256 } = loaded.metadata;
  return {
    model,
    weightsSha256,
    output,
    dimension: probe.length,
    preprocessing: run.preprocessing,
    probe: Array.from(probe),
    root,
    source,
  };
}

const PROBE_SIZE = 96;

/** Gradients and edges, by a formula. */
function probeImage(): Image {
  const pixels = new Uint8Array(3 * PROBE_SIZE * PROBE_SIZE);
  for (let y = 0; y < PROBE_SIZE; y++) {
    for (let x = 0; x < PROBE_SIZE; x++) {
      pixels.set([(255 * x) / PROBE_SIZE, (255 * y) / PROBE_SIZE, ((x >> 4) + (y >> 4)) % 2 === 0 ? 40 : 220], 3 * (y * PROBE_SIZE + x));
    }
  }
  return rgbImage(PROBE_SIZE, PROBE_SIZE, pixels);
}

/**
 * Largest distance of two vectors of the probe, as a fraction of their length, that one model may have on different devices. Two
 * processors differ by 1e-6, half precision by 1e-3, int8 by several percent.
 */
const PROBE_TOLERANCE = 0.01;

/**
 * Compares a model with that of an index: vectors of different models cannot be compared, and nothing would show it.
 *
 * @param action - what fails, as it follows "Cannot": `search the index "x.parquet"`
 * @throws InceptionError OPTION_INVALID
 */
export function checkSameModel<F extends SourceOptions>(
  header: IndexHeader,
  { opened: { loaded }, probe }: VectorModel<F>,
  action: string,
): void {
  const { model, weightsSha256 } = loaded.metadata;
  const refused = (fact: string) =>
    new InceptionError("OPTION_INVALID", `Cannot ${action} with ${quoted(model)}: ${fact}; pass the model that the index was built with`, {
      index: header.model,
      model,
    });
  if (header.dimension !== probe.length)
    throw refused(`it computes ${probe.length} values, the index has vectors of ${header.dimension} from ${quoted(header.model)}`);
  if (header.weightsSha256 !== null && weightsSha256 !== null && header.weightsSha256 !== weightsSha256) {
    const [found, expected] = [weightsSha256, header.weightsSha256].map((hash) => messageOf(hash.slice(0, 12)));
    throw refused(`its weights have SHA-256 ${found}…, those of the index ${expected}…`);
  }
  let [difference, length] = [0, 0];
  for (const [index, value] of header.probe.entries()) {
    difference += (value - at(probe, index)) ** 2;
    length += value ** 2;
  }
  const relative = Math.sqrt(difference / length);
  if (relative <= PROBE_TOLERANCE || difference === 0) return;
  const percent = `${relative < 0.1 ? (100 * relative).toPrecision(2) : formatCount(Math.round(100 * relative))}% (tolerance ${100 * PROBE_TOLERANCE}%)`;
  throw refused(`its vector of the test image differs from that of the index by ${percent}, so its weights or preprocessing are different`);
}
