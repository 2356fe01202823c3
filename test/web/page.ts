/** What the tests call in the page; see browser.ts. */
import type { Target } from "../../src/compile/targets/index.js";
import { modelBytes, op, sessionCases, value } from "../../src/runtime/session.cases.js";
import { trainerCases } from "../../src/runtime/trainer.cases.js";
import type * as Web from "../../src/web/index.js";
import { networkLosses, type Statistics, type StepDifference, stepDifferences } from "./network.js";

// The package as it is built, not the sources beside this file.
const BUILT: string = "inceptionkit/web";
const { createWebSession, createWebTrainer } = (await import(BUILT)) as typeof Web;

type TestedDevice = "cpu" | "webgpu";

/** Run one case of the sessions' suite; rejects when it fails. */
export async function runSessionCase(name: string, device: TestedDevice): Promise<void> {
  const found = sessionCases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no case "${name}"`);
  await found.run((model, options) => createWebSession(model, { device, ...options }));
}

/** Run one case of the trainers' suite; rejects when it fails. */
export async function runTrainerCase(name: string, device: TestedDevice): Promise<void> {
  const found = trainerCases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no case "${name}"`);
  await found.run((programs, state, options) => createWebTrainer(programs, state, { device, ...options }));
}

/** What the page can do; threads of WebAssembly need `isolated`. */
export function describePage(): { readonly isolated: boolean; readonly webgpu: boolean } {
  return { isolated: globalThis.crossOriginIsolated, webgpu: "gpu" in globalThis.navigator };
}

const identity = () => modelBytes([op("Identity", ["x"], ["y"])], [value("x", "float32", [1])], [value("y", "float32", [1])]);

export async function autoDevice(): Promise<string> {
  const session = await createWebSession(identity());
  await session.close();
  return session.device;
}

export async function messageWithoutRuntime(): Promise<string> {
  const opened = createWebSession(identity(), { device: "cpu", runtime: new URL("/none.mjs", globalThis.location.href).href });
  return opened.then(
    () => "it opened",
    (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown)),
  );
}

/** Losses of a small network that is trained in this page. */
export function trainNetwork(target: Target, statistics: Statistics, device: TestedDevice): Promise<readonly number[]> {
  return networkLosses(target, statistics, (programs, state) => createWebTrainer(programs, state, { device }));
}

/** Steps of the target and device beside those of the standard operators on WebAssembly. */
export function compareSteps(target: Target, device: TestedDevice): Promise<readonly StepDifference[]> {
  return stepDifferences(
    target,
    (programs, state) => createWebTrainer(programs, state, { device }),
    (programs, state) => createWebTrainer(programs, state, { device: "cpu" }),
  );
}
