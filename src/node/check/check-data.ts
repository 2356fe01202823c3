/** Checking the data of a path: what `inception check` does. */
import type { ImageCheck } from "../../check/image-check.js";
import type { OpenedDataset } from "../../data/assemble.js";
import { orError } from "../../errors.js";
import { checkPage } from "../../report/check.js";
import type { Fact } from "../../report/page.js";
import { type CheckImagesOptions, checkOpened } from "../../tasks/check/check-images.js";
import type { OpenModelOptions } from "../../tasks/model-host.js";
import type { OpenDatasetOptions } from "../datasets/index.js";
import { openDataset } from "../datasets/index.js";
import { openSampleReader, type SampleSources } from "../datasets/sample-reader.js";
import { imageThreads } from "../image-threads.js";
import { NODE_MODELS } from "../load-model.js";
import { nodePlatform, type PlaceOptions } from "../platform.js";
import type { SourceOptions } from "../source-options.js";
import { thumbnail } from "../thumbnail.js";
import { writeFileAtomic } from "../write-file.js";
import { checkHost } from "./check-host.js";
import { checkListFile, writeCleanedList } from "./write-list.js";

interface CheckDataOptions {
  readonly data: OpenDatasetOptions & { readonly seed: number };
  /** How the model is found and where it runs. */
  readonly open: OpenModelOptions & SourceOptions & PlaceOptions;
  readonly check: CheckImagesOptions;
  /** Where the page is written; null: nowhere. */
  readonly report: { readonly file: string; readonly title: string; readonly cleanCommand: string; readonly facts: readonly Fact[] } | null;
  /** Where the cleaned list is written; null: nowhere. */
  readonly list: string | null;
}

/** A check, and the number of images on the cleaned list. */
interface CheckedData {
  readonly check: ImageCheck;
  readonly listed: number | null;
}

/**
 * Checks the labeled images at a path, and writes a page and a cleaned list on demand.
 *
 * @throws InceptionError as `openDataset` and `checkOpened`; OPTION_INVALID for a list that cannot name the images; FILE_WRITE_FAILED
 */
export async function checkData(place: string, { data, open, check: settings, report, list }: CheckDataOptions): Promise<CheckedData> {
  const opened = await openDataset(place, data);
  if (list !== null) checkListFile(list, opened);
  const images = imageThreads();
  try {
    const models = { ...NODE_MODELS, platform: nodePlatform(images, open) };
    const check = await checkOpened(checkHost(models, open), opened, open, { ...settings, seed: data.seed });
    const listed = list === null ? null : await writeCleanedList(list, opened, check);
    if (report !== null) await writePage(report, opened, check, open);
    return { check, listed };
  } finally {
    images.close();
  }
}

async function writePage(
  { file, title, ...shown }: NonNullable<CheckDataOptions["report"]>,
  { train, val }: OpenedDataset,
  check: ImageCheck,
  sources: SampleSources,
): Promise<void> {
  const parts = [train, ...(val === null ? [] : [val])].map(({ samples }) => openSampleReader(samples, 0, sources));
  const [inTrain, inVal] = parts;
  try {
    const picture = async ({ index, split }: { readonly index: number; readonly split: "train" | "val" }) => {
      const reading = split === "train" ? inTrain?.read(index) : inVal?.read(index - train.size);
      const image = await orError(async () => reading);
      return image !== undefined && "data" in image ? thumbnail(image) : undefined;
    };
    await writeFileAtomic(file, [Buffer.from(await checkPage(title, check, { ...shown, picture }))]);
  } finally {
    await Promise.all(parts.map((reader) => reader.close()));
  }
}
