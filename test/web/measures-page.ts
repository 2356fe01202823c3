/** What measures.test.ts calls in the page. */
import type * as Browser from "../../src/browser.js";
import { type MeasureNumbers, runMeasures } from "./measures.js";

// The package as it is built, not the sources beside this file.
const BUILT: string = "inceptionkit";

export async function run(): Promise<MeasureNumbers> {
  const api = (await import(BUILT)) as typeof Browser;
  return runMeasures(api, (file) => `/${file}`);
}

export async function directory(): Promise<string> {
  const { frechetDistance } = (await import(BUILT)) as typeof Browser;
  return frechetDistance("photos", "photos").then(
    () => "no failure",
    (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)),
  );
}
