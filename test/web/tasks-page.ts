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
