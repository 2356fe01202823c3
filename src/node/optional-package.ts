import { InceptionError } from "../errors.js";

/** Packages that an installation may leave out, with the versions that were tested. A page needs none of them. */
const VERSIONS = {
  "@huggingface/hub": "2.17.5",
  "@inceptionkit/server": "0.1.0",
  "onnxruntime-node": "1.30.0",
  sharp: "0.35.5",
  usearch: "2.25.3",
} as const;

/**
 * Loads an optional package.
 *
 * @param action - what fails without it, as it follows "Cannot"
 * @param load - the `import` of the package, which must stand where a bundler sees its name
 * @throws InceptionError PACKAGE_MISSING where it is not installed
 */
export async function loadOptional<M>(name: keyof typeof VERSIONS, action: string, load: () => Promise<M>): Promise<M> {
  try {
    return await load();
  } catch (thrown) {
    if (!isAbsence(thrown, name)) throw thrown;
    const command = `npm install ${name}@${VERSIONS[name]}`;
    const message = `Cannot ${action}: the optional package ${name} is not installed; install it with: ${command}`;
    throw new InceptionError("PACKAGE_MISSING", message, { package: name, command }, { cause: thrown });
  }
}

/** Whether the package itself is not there; one of its own dependencies that is missing is another fault. */
function isAbsence(thrown: unknown, name: string): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === "ERR_MODULE_NOT_FOUND" && thrown.message.includes(`'${name}'`);
}
