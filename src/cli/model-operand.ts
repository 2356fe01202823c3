import { isFolder } from "../node/file-source.js";
import { isNetworkModule, loadNetworkModule } from "../node/network-module.js";
import type { DescribedModel } from "../tasks/model-source.js";

/**
 * A model as a command names it: a custom network where the name ends in .js or .mjs, which executes that module; anything else
 * is a name that the library resolves.
 *
 * @throws InceptionError as `loadNetworkModule`
 */
export async function modelOperand(text: string): Promise<string | DescribedModel> {
  return !(await isFolder(text)) && isNetworkModule(text) ? loadNetworkModule(text) : text;
}
