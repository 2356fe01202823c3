import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../../test/shared.js";
import { loadOptional } from "./optional-package.js";

const absent = (name: string) =>
  Object.assign(new Error(`Cannot find package '${name}' imported from here`), { code: "ERR_MODULE_NOT_FOUND" });

test.each(["@huggingface/hub", "onnxruntime-node", "sharp", "usearch"] as const)(
  "says how to install %s, in the version that is tested",
  async (name) => {
    const { optionalDependencies } = JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")) as {
      readonly optionalDependencies: Readonly<Record<string, string>>;
    };
    const command = `npm install ${name}@${optionalDependencies[name]}`;
    await expect(loadOptional(name, "decode images", () => Promise.reject(absent(name)))).rejects.toMatchObject({
      code: "PACKAGE_MISSING",
      message: `Cannot decode images: the optional package ${name} is not installed; install it with: ${command}`,
      details: { package: name, command },
    });
  },
);

test("the server is that of the version beside this one", async () => {
  const { name, version } = JSON.parse(readFileSync(path.join(ROOT, "packages/server/package.json"), "utf8")) as Record<string, string>;
  const action = () => loadOptional("@inceptionkit/server", "serve", () => Promise.reject(absent("@inceptionkit/server")));
  await expect(action()).rejects.toMatchObject({
    code: "PACKAGE_MISSING",
    message: `Cannot serve: the optional package ${name} is not installed; install it with: npm install ${name}@${version}`,
  });
});

test("a package that fails by itself fails as it does", async () => {
  const fault = absent("one-of-its-own");
  await expect(loadOptional("sharp", "decode images", () => Promise.reject(fault))).rejects.toBe(fault);
});
