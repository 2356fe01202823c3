/** What tasks.test.ts calls in the page. */
import type * as Browser from "../../src/browser.js";
import { runTasks, type TaskNumbers } from "./tasks.js";

// The package as it is built, not the sources beside this file.
const BUILT: string = "inceptionkit";

export async function run(): Promise<TaskNumbers> {
  const api = (await import(BUILT)) as typeof Browser;
  const at = (file: string) => `/${file}`;
  return runTasks(api, at, async (file) => new Uint8Array(await (await fetch(at(file))).arrayBuffer()));
}

export async function exportedNames(): Promise<readonly string[]> {
  return Object.keys((await import(BUILT)) as object).sort();
}

/** What a model that is opened through the cache says of an image, twice: the second time from the cache. */
export async function classifyCached(model: string, image: string): Promise<unknown> {
  const api = (await import(BUILT)) as typeof Browser;
  const names: unknown[] = [];
  for (let round = 0; round < 2; round++) {
    const classifier = await api.openClassifier(model, { device: "cpu", cache: true });
    names.push((await classifier.classify(image))[0]?.className);
    await classifier.close();
  }
  const folder = await (await globalThis.navigator.storage.getDirectory()).getDirectoryHandle("inceptionkit");
  const kept: string[] = [];
  for await (const name of (folder as unknown as { keys(): AsyncIterable<string> }).keys()) kept.push(name);
  await folder.removeEntry(kept[0] ?? "");
  return { names, kept: kept.length };
}

/** The reason of an opening that is aborted after some time, or what it was otherwise. */
export async function abortOpening(model: string, milliseconds: number): Promise<string> {
  const api = (await import(BUILT)) as typeof Browser;
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("stopped")), milliseconds);
  try {
    await (await api.openClassifier(model, { device: "cpu", signal: stop.signal })).close();
    return "opened";
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}
