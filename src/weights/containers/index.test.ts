import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { goldenPath } from "../../../test/shared.js";
import { concat } from "../../../test/weight-fixtures.js";
import { bytesSource } from "../../formats/byte-source.js";
import { encodeNpy } from "../../formats/npy.js";
import { encodeSafetensors } from "../../formats/safetensors.js";
import { CONTAINERS } from "./index.js";

const vector = { dtype: "float32", shape: [2], data: Float32Array.of(1, 2) } as const;
const parts = encodeSafetensors([["a", vector]]);

const FILES: readonly (readonly [name: string, bytes: Uint8Array, formats: readonly string[]])[] = [
  ...readdirSync(goldenPath("pth"))
    .filter((name) => name.endsWith(".pth"))
    .map((name) => [name, readFileSync(goldenPath(`pth/${name}`)), ["PyTorch"]] as const),
  ["a.safetensors", concat(parts.header, ...parts.chunks), ["safetensors"]],
  ["a.npy", encodeNpy(vector), []],
  ["manifest.json", readFileSync(goldenPath("pth/manifest.json")), []],
  ["empty", new Uint8Array(0), []],
];

it.each(FILES)("%s is claimed by no format but its own", async (name, bytes, formats) => {
  const claims: string[] = [];
  for (const container of CONTAINERS) if (await container.match(bytesSource(name, bytes))) claims.push(container.format);
  expect(claims).toEqual(formats);
});

it("the formats have names and endings of their own", () => {
  const endings = CONTAINERS.flatMap(({ extensions }) => extensions);
  expect(new Set(endings).size).toBe(endings.length);
  expect(new Set(CONTAINERS.map(({ format }) => format)).size).toBe(CONTAINERS.length);
});
