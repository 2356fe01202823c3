import { openIndexFile } from "../../search/index-file.js";
import type { IndexHeader } from "../../search/index-header.js";
import { openFileSource } from "../file-source.js";

/** What an index says of its model. @throws InceptionError as `openIndexFile` */
export async function readIndexHeader(file: string): Promise<IndexHeader> {
  const source = await openFileSource(file);
  return openIndexFile(source)
    .then(({ header }) => header)
    .finally(() => source.close());
}
