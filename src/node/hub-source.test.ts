import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, lstat, mkdtemp, readdir, readFile, readlink, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { downloadFileToCacheDir, getHFHubCachePath, scanCacheDir } from "@huggingface/hub";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { expectFailure } from "../../test/failures.js";
import { type FakeHub, startFakeHub } from "../../test/fake-hub.js";
import type { InceptionError } from "../errors.js";
import { type DownloadProgress, resolveSource, type SourceOptions } from "./weight-source.js";

// The real client, a real cache folder, a real server on this machine; only the hub itself is ours.

const OLD = "a".repeat(40);
const NEW = "b".repeat(40);
const weights = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 256);
const sha256 = createHash("sha256").update(weights).digest("hex");

let hub: FakeHub;
let home: string;
let folder: string;
let options: SourceOptions & { readonly env: Record<string, string> };

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), "inception-hub-"));
  folder = path.join(home, "hub", "models--owner--net");
  hub = await startFakeHub();
  hub.repositories.set("owner/net", {
    refs: new Map([
      ["main", NEW],
      ["v1.0", OLD],
      ["refs/pr/1", OLD],
    ]),
    commits: new Map([
      [NEW, new Map([entry("config.json", "{}"), entry("model.safetensors", weights), entry("extra/other.bin", "other")])],
      [OLD, new Map([entry("pytorch_model.bin", weights)])],
    ]),
  });
  options = { env: { HF_HOME: home, HF_ENDPOINT: hub.url } };
});

afterEach(async () => {
  await hub.close();
  await rm(home, { recursive: true, force: true });
});

function entry(name: string, content: string | Uint8Array) {
  const large = typeof content !== "string";
  return [name, { content: large ? content : new TextEncoder().encode(content), lfs: large }] as const;
}

/** Every file and link below the cache. */
async function cacheFiles(): Promise<string[]> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  return entries
    .filter((found) => !found.isDirectory())
    .map((found) => path.relative(home, path.join(found.parentPath, found.name)))
    .sort();
}

describe("a download", () => {
  test("lands in the shared cache as Hugging Face's programs lay it out", async () => {
    const found = await resolveSource("hf:owner/net", options);
    expect(found).toEqual({
      path: path.join(folder, "snapshots", NEW, "model.safetensors"),
      name: "hf:owner/net",
      revision: NEW,
      sha256,
    });
    expect(new Uint8Array(await readFile(found.path))).toEqual(weights);
    expect(await readlink(found.path)).toBe(path.join("..", "..", "blobs", sha256));
    expect(await readFile(path.join(folder, "refs", "main"), "utf8")).toBe(NEW);
    expect(await cacheFiles()).toEqual(
      [`blobs/${sha256}`, "refs/main", `snapshots/${NEW}/model.safetensors`].map((name) => `hub/models--owner--net/${name}`),
    );

    const scanned = await scanCacheDir(path.join(home, "hub"));
    expect(scanned.warnings).toEqual([]);
    expect(scanned.repos.map((repo) => [repo.id.name, repo.size, repo.revisions[0]?.refs])).toEqual([["owner/net", 300_000, ["main"]]]);
    const asked = hub.requests.length;
    const theirs = await downloadFileToCacheDir({
      repo: "owner/net",
      path: "model.safetensors",
      revision: NEW,
      cacheDir: path.join(home, "hub"),
      hubUrl: hub.url,
    });
    expect([theirs, hub.requests.length]).toEqual([found.path, asked]);
  });

  test("is reported while it comes, and nothing is printed", async () => {
    const printed = (["log", "info", "debug", "warn", "error"] as const).map((kind) => vi.spyOn(console, kind));
    const seen: DownloadProgress[] = [];
    await resolveSource("hf:owner/net", { ...options, onProgress: (progress) => seen.push(progress) });
    expect(seen.at(-1)).toEqual({ name: "hf:owner/net", received: 300_000, total: 300_000 });
    expect(seen.map((progress) => progress.received)).toEqual(seen.map((progress) => progress.received).sort((a, b) => a - b));
    for (const spy of printed) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  test("happens once: the second time only the commit is asked for", async () => {
    const first = await resolveSource("hf:owner/net", options);
    hub.requests.length = 0;
    expect(await resolveSource("hf:owner/net", options)).toEqual(first);
    expect(hub.requests.map((request) => request.path)).toEqual(["/api/models/owner/net/revision/main"]);
  });

  test("asks nothing for a commit and file that are there", async () => {
    await resolveSource("hf:owner/net", options);
    hub.requests.length = 0;
    const found = await resolveSource(`hf:owner/net@${NEW}:model.safetensors`, options);
    expect(found.sha256).toBe(sha256);
    expect(hub.requests).toEqual([]);
  });

  test("is of the revision that is asked for, and content that is there is only linked", async () => {
    await resolveSource("hf:owner/net", options);
    hub.requests.length = 0;
    const tagged = await resolveSource("hf:owner/net@v1.0", options);
    expect(tagged.path).toBe(path.join(folder, "snapshots", OLD, "pytorch_model.bin"));
    expect(hub.requests.some((request) => request.path.includes("/resolve/"))).toBe(false);
    expect(await realpath(tagged.path)).toBe(path.join(await realpath(folder), "blobs", sha256));
    const pull = await resolveSource("hf:owner/net@refs/pr/1", options);
    expect(pull.path).toBe(tagged.path);
    expect(await readFile(path.join(folder, "refs", "refs/pr/1"), "utf8")).toBe(OLD);
  });

  test("follows a branch to its new commit", async () => {
    hub.repositories.get("owner/net")?.refs.set("main", OLD);
    await resolveSource("hf:owner/net", options);
    hub.repositories.get("owner/net")?.refs.set("main", NEW);
    expect((await resolveSource("hf:owner/net", options)).revision).toBe(NEW);
    expect(await readFile(path.join(folder, "refs", "main"), "utf8")).toBe(NEW);
  });

  test("of a small file is checked with git's hash", async () => {
    const found = await resolveSource("hf:owner/net:extra/other.bin", options);
    expect(await readFile(found.path, "utf8")).toBe("other");
    expect(found.sha256).toBe(createHash("sha256").update("other").digest("hex"));
    // git hash-object of a file that holds "other".
    expect(path.basename(await realpath(found.path))).toBe("27fa34919ae70aa0d7eaccdfbf393cfc440e7d25");
    expect(await readlink(found.path)).toBe(path.join("..", "..", "..", "blobs", "27fa34919ae70aa0d7eaccdfbf393cfc440e7d25"));
  });

  test("carries the token, of the option or of HF_TOKEN", async () => {
    await resolveSource("hf:owner/net", { ...options, env: { ...options.env, HF_TOKEN: "hf_environment" } });
    expect(new Set(hub.requests.map((request) => request.token))).toEqual(new Set(["hf_environment"]));
    hub.requests.length = 0;
    await resolveSource("hf:owner/net@v1.0", { ...options, token: "hf_option", env: { ...options.env, HF_TOKEN: "hf_environment" } });
    expect(new Set(hub.requests.map((request) => request.token))).toEqual(new Set(["hf_option"]));
    const wrong = 'Cannot use the Hugging Face token: expected one that starts with "hf_"';
    await expectFailure(resolveSource("hf:owner/net", { ...options, token: "secret" }), "OPTION_INVALID", wrong);
  });

  test("done by several at once leaves one whole file", async () => {
    const found = await Promise.all(Array.from({ length: 4 }, () => resolveSource("hf:owner/net", options)));
    expect(new Set(found.map((source) => source.sha256))).toEqual(new Set([sha256]));
    expect((await cacheFiles()).length).toBe(3);
  });
});

describe("damage", () => {
  test("of the content is found before it gets its name, and nothing is left", async () => {
    hub.faults.set("/resolve/", "wrong bytes");
    const actual = createHash("sha256")
      .update(weights.map((byte, index) => (index === 10 ? byte ^ 1 : byte)))
      .digest("hex");
    const message = `Cannot use hf:owner/net: its SHA-256 is ${actual}, expected ${sha256}`;
    await expectFailure(resolveSource("hf:owner/net", options), "HASH_MISMATCH", message);
    expect(await readdir(path.join(home, "hub"))).toEqual([]);
    hub.faults.clear();
    expect((await resolveSource("hf:owner/net", options)).sha256).toBe(sha256);
  });

  test("of a small file too", async () => {
    hub.repositories
      .get("owner/net")
      ?.commits.get(NEW)
      ?.set("notes.txt", { content: new Uint8Array(20), lfs: false });
    hub.faults.set("/resolve/", "wrong bytes");
    const error = await resolveSource("hf:owner/net:notes.txt", options).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "HASH_MISMATCH" });
    expect(String(error)).toContain("Cannot use hf:owner/net:notes.txt: its git SHA-1 is ");
    expect(await readdir(path.join(home, "hub"))).toEqual([]);
  });

  test("of the connection", async () => {
    hub.faults.set("/resolve/", "break off");
    const error = await resolveSource("hf:owner/net", options).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "DOWNLOAD_FAILED" });
    expect(String(error)).toMatch(/^InceptionError: Cannot download hf:owner\/net: the connection (?:failed|closed)[^\n]*$/);
    expect(await readdir(path.join(home, "hub"))).toEqual([]);
  });

  test("of the cache is reported, not used", async () => {
    const found = await resolveSource("hf:owner/net", options);
    const blob = await realpath(found.path);
    await writeFile(blob, "broken");
    const actual = createHash("sha256").update("broken").digest("hex");
    const message = `Cannot use hf:owner/net: its copy in the cache is damaged, SHA-256 is ${actual}; delete ${blob} to download it again`;
    await expectFailure(resolveSource("hf:owner/net", options), "HASH_MISMATCH", message);
    await rm(blob);
    expect((await resolveSource("hf:owner/net", options)).sha256).toBe(sha256);
  });

  test("of a small file in the cache is reported too, online and offline", async () => {
    const found = await resolveSource("hf:owner/net:extra/other.bin", options);
    const blob = await realpath(found.path);
    await writeFile(blob, "tampered");
    const git = createHash("sha1").update("blob 8\0tampered").digest("hex");
    const message = `Cannot use hf:owner/net:extra/other.bin: its copy in the cache is damaged, git SHA-1 is ${git}; delete ${blob} to download it again`;
    for (const offline of [false, true]) {
      await expectFailure(resolveSource("hf:owner/net:extra/other.bin", { ...options, offline }), "HASH_MISMATCH", message);
    }
  });

  test("of the cache by a link that leaves it, or by a file in place of the link, is reported", async () => {
    const found = await resolveSource("hf:owner/net", options);
    // Named by its own hash, so that only its place tells.
    const foreign = createHash("sha256").update("foreign").digest("hex");
    const outside = path.join(home, foreign);
    await writeFile(outside, "foreign");
    await rm(found.path);
    await symlink(outside, found.path);
    const root = await realpath(folder);
    const leaving = `Cannot use hf:owner/net: in the cache it is a link to ${await realpath(outside)}, outside of ${root}; delete ${found.path} to download it again`;
    for (const offline of [false, true]) {
      await expectFailure(resolveSource("hf:owner/net", { ...options, offline }), "SOURCE_INVALID", leaving);
    }
    await rm(found.path);
    await writeFile(found.path, "foreign");
    const copied = `Cannot use hf:owner/net: its copy in the cache is none of its blobs and cannot be checked; delete ${await realpath(found.path)} to download it again`;
    await expectFailure(resolveSource("hf:owner/net", options), "HASH_MISMATCH", copied);
    // As on systems without links: a copy of a blob.
    await copyFile(path.join(folder, "blobs", sha256), found.path);
    expect((await resolveSource("hf:owner/net", options)).sha256).toBe(sha256);
  });

  test("of a hub that goes silent ends the question and the download", async () => {
    const question = `Cannot download hf:owner/net: ${hub.url} did not answer within 0.2 s`;
    hub.faults.set("/revision/", "silence");
    await expectFailure(resolveSource("hf:owner/net", { ...options, connectSeconds: 0.2 }), "DOWNLOAD_FAILED", question);
    hub.faults.clear();
    hub.faults.set("/resolve/", "silence");
    const download = "Cannot download hf:owner/net: the server sent less than 1024 bytes per second for 0.2 s";
    await expectFailure(resolveSource("hf:owner/net", { ...options, stallSeconds: 0.2 }), "DOWNLOAD_FAILED", download);
    expect(await readdir(path.join(home, "hub"))).toEqual([]);
  });

  test("of the hub's answers", async () => {
    const commits = hub.repositories.get("owner/net")?.commits;
    commits?.set("../../escape", new Map([entry("model.safetensors", weights)]));
    hub.repositories.get("owner/net")?.refs.set("evil", "../../escape");
    await expectFailure(
      resolveSource("hf:owner/net@evil", options),
      "DOWNLOAD_FAILED",
      "Cannot download hf:owner/net@evil: the hub returned no commit",
    );
    expect(await cacheFiles()).toEqual([]);
  });

  test("a download over the limit is refused before it begins", async () => {
    const message = "Cannot download hf:owner/net: it has more than 1,000 bytes, the limit for one download";
    await expectFailure(resolveSource("hf:owner/net", { ...options, maxBytes: 1000 }), "FILE_LIMIT", message);
    expect(await cacheFiles()).toEqual([]);
  });
});

describe("without the hub", () => {
  test("a branch that was used before is found", async () => {
    const online = await resolveSource("hf:owner/net", options);
    hub.requests.length = 0;
    expect(await resolveSource("hf:owner/net", { ...options, offline: true })).toEqual(online);
    expect(await resolveSource("hf:owner/net", { env: { ...options.env, HF_HUB_OFFLINE: "1" } })).toEqual(online);
    expect(hub.requests).toEqual([]);
  });

  test("what was never used is missing, and says where it was looked for", async () => {
    const message = `Cannot download hf:owner/net: offline mode is on and the file is not in the cache "${folder}"`;
    await expectFailure(resolveSource("hf:owner/net", { ...options, offline: true }), "DOWNLOAD_FAILED", message);
  });

  test.each([["no connection"], ["500"]])("the last known commit is used, with a warning (%s)", async (kind) => {
    const online = await resolveSource("hf:owner/net", options);
    const warnings: string[] = [];
    const onWarning = (warning: InceptionError) => warnings.push(warning.message);
    if (kind === "500") hub.faults.set("/api/", { status: 500 });
    else await hub.close();
    expect(await resolveSource("hf:owner/net", { ...options, onWarning })).toEqual(online);
    // A connection that was kept open fails in other words than a new one.
    const fact = kind === "500" ? /the hub returned 500, try again later/ : /http:[^ ]+ is not reachable: [^;]+/;
    const line = `^Cannot download hf:owner/net: ${fact.source}; using cached commit ${NEW}$`;
    expect(warnings).toEqual([expect.stringMatching(new RegExp(line))]);
  });

  test("an unknown one is one helpful line", async () => {
    await hub.close();
    const message = `Cannot download hf:owner/net: ${hub.url} is not reachable: connect ECONNREFUSED ${hub.url.slice(7)}`;
    await expectFailure(resolveSource("hf:owner/net", options), "DOWNLOAD_FAILED", message);
  });
});

describe("refusals are one helpful line", () => {
  const nobody = "check the name, or set HF_TOKEN to a token with read access";
  test.each([
    ["hf:owner/none", `the hub returned 401, the repository owner/none does not exist or is not public: ${nobody}`],
    ["hf:owner/net@v9", 'the hub returned 404, owner/net has no revision "v9"'],
  ])("%s", async (spec, fact) => {
    await expectFailure(resolveSource(spec, options), "DOWNLOAD_FAILED", `Cannot download ${spec}: ${fact}`);
  });

  test.each([
    ["/api/", { status: 500 }, "the hub returned 500, try again later"],
    ["/api/", { status: 429 }, "the hub returned 429, too many requests: wait, or set HF_TOKEN"],
    ["/api/", { status: 404 }, 'the hub returned 404, the repository owner/net does not exist, or it has no revision "main"'],
    ["/api/", { status: 418 }, "the hub returned 418, which its client does not expect"],
    ["/resolve/", { status: 503 }, "the hub returned 503, try again later"],
    ["paths-info", { status: 403 }, `the hub returned 403, the repository owner/net does not exist or is not public: ${nobody}`],
  ])("%s answers %j", async (part, fault, fact) => {
    hub.faults.set(part, fault);
    await expectFailure(resolveSource("hf:owner/net", options), "DOWNLOAD_FAILED", `Cannot download hf:owner/net: ${fact}`);
    expect(await cacheFiles()).toEqual([]);
  });

  test("a model with conditions", async () => {
    hub.faults.set("/resolve/", { status: 403, code: "GatedRepo" });
    const fact = `the hub returned 403, accept the conditions at ${hub.url}/owner/net and set HF_TOKEN to your token`;
    await expectFailure(resolveSource("hf:owner/net", options), "DOWNLOAD_FAILED", `Cannot download hf:owner/net: ${fact}`);
  });

  test("files that are not there, with those that are", async () => {
    const has = "config.json, model.safetensors, extra/other.bin";
    await expectFailure(
      resolveSource("hf:owner/net:none.bin", options),
      "FILE_NOT_FOUND",
      `Cannot download hf:owner/net:none.bin: the repository has ${has}`,
    );
    const many = Array.from({ length: 25 }, (_, i) => entry(`shard-${i}.bin`, "x"));
    hub.repositories.get("owner/net")?.commits.set(NEW, new Map(many));
    const shown = many.slice(0, 20).map(([name]) => name);
    await expectFailure(
      resolveSource("hf:owner/net", options),
      "FILE_NOT_FOUND",
      "Cannot select a file of hf:owner/net: it has neither model.safetensors nor pytorch_model.bin; " +
        `pass hf:owner/net:FILE, it has ${shown.join(", ")} and 5 more`,
    );
  });

  test("an endpoint that is none", async () => {
    const message = 'Cannot use HF_ENDPOINT "hub": expected an address like https://huggingface.co';
    await expectFailure(resolveSource("hf:owner/net", { env: { ...options.env, HF_ENDPOINT: "hub" } }), "OPTION_INVALID", message);
  });
});

describe("the cache folder", () => {
  test("is where Hugging Face's client looks, for every variable that moves it", async () => {
    for (const [variable, value] of [
      ["HF_HUB_CACHE", path.join(home, "1")],
      ["HUGGINGFACE_HUB_CACHE", path.join(home, "2")],
      ["HF_HOME", path.join(home, "3")],
      ["XDG_CACHE_HOME", path.join(home, "4")],
    ] as const) {
      for (const name of ["HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"]) vi.stubEnv(name, undefined);
      vi.stubEnv(variable, value);
      const theirs = getHFHubCachePath();
      vi.unstubAllEnvs();
      const found = await resolveSource("hf:owner/net", { env: { [variable]: value, HF_ENDPOINT: hub.url } });
      expect(found.path.startsWith(`${theirs}${path.sep}`)).toBe(true);
      expect((await lstat(found.path)).isSymbolicLink()).toBe(true);
    }
    expect(existsSync(path.join(home, "hub"))).toBe(false);
  });
});
