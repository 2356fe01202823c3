import { copyFile, readFile, realpath, rmdir, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import type { PathInfo } from "@huggingface/hub";
import { InceptionError, messageOf } from "../errors.js";
import type { Checksum } from "../formats/checksum.js";
import { checkedDownload, networkError } from "./download.js";
import { isFile } from "./file-source.js";
import { type HubCommit, type HubConnection, openHub } from "./hub-connection.js";
import { hashesOf } from "./sha256.js";
import type { ResolvedSource, SourceOptions } from "./source-options.js";
import { systemErrorCode } from "./system-error.js";
import { makeFolder, writeFileAtomic } from "./write-file.js";

/** A file of a model repository on the Hugging Face hub. */
export interface HubFile {
  /** `owner/name`. */
  readonly repo: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Path in the repository; null: the first of DEFAULT_FILES that is there. */
  readonly file: string | null;
}

/** safetensors first: it holds numbers and nothing else. */
const DEFAULT_FILES: readonly string[] = ["model.safetensors", "pytorch_model.bin"];

// Enough to see what there is; more would bury the message.
const MAX_LISTED_FILES = 20;

const COMMIT = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/**
 * Find a file of the hub in the cache that all of Hugging Face's programs share, or download it there.
 *
 * The cache keeps content under its hash (`blobs/`), names for it by commit (`snapshots/COMMIT/FILE`, links) and the
 * commit of each branch (`refs/BRANCH`). Content is compared with the hub's hash before it gets its name, and with its
 * name whenever it is used, since other programs write there too. A link that leads out of the repository's folder is refused.
 */
export async function hubSource(wanted: HubFile, options: SourceOptions): Promise<ResolvedSource> {
  const name = hubName(wanted);
  const folder = path.join(hubCacheFolder(options.env ?? process.env), `models--${wanted.repo.replace("/", "--")}`);
  const complete = COMMIT.test(wanted.revision) && wanted.file !== null;
  if (options.offline || complete) {
    const cached = await findCached(folder, wanted);
    if (cached) return checkCached(name, folder, cached);
  }
  if (options.offline) throw networkError(name, `offline mode is on and the file is not in the cache "${folder}"`);

  const hub = await openHub(name, wanted, options);
  let head: HubCommit;
  try {
    head = await hub.commit();
  } catch (thrown) {
    const cached = isOutOfReach(thrown) ? await findCached(folder, wanted) : null;
    if (!cached) throw thrown;
    const warning = `${messageOf(thrown)}; using cached commit ${cached.commit}`;
    options.onWarning?.(new InceptionError("DOWNLOAD_FAILED", warning, { name, commit: cached.commit }));
    return checkCached(name, folder, cached);
  }
  const { commit, files } = head;
  const file = wanted.file ?? defaultFile(name, files);
  if (!files.includes(file)) {
    throw new InceptionError("FILE_NOT_FOUND", `Cannot download ${name}: the repository has ${listed(files)}`, { name, files });
  }
  const pointer = path.join(folder, "snapshots", commit, file);
  if (!(await isFile(pointer))) await fetchInto(hub, { name, folder, pointer, commit, file }, options);
  await writeRef(folder, wanted.revision, commit);
  return checkCached(name, folder, { commit, pointer });
}

/** A file that is not in the cache, and where it belongs. */
interface MissingFile {
  readonly name: string;
  readonly folder: string;
  readonly pointer: string;
  readonly commit: string;
  readonly file: string;
}

/** Download one file of one commit to its place in the cache. */
async function fetchInto(hub: HubConnection, missing: MissingFile, options: SourceOptions): Promise<void> {
  const { name, folder, pointer, commit, file } = missing;
  const info = await hub.describe(file, commit);
  const { blobName, checksum } = contentName(name, info);
  const blobs = path.join(folder, "blobs");
  const blob = path.join(blobs, blobName);
  if (!(await isFile(blob))) {
    await makeFolder(blobs);
    try {
      const begin = () => hub.download(file, commit);
      await writeFileAtomic(blob, checkedDownload(begin, { name, size: info.size, checksum }, options));
    } catch (thrown) {
      const failed = hub.failure() ?? thrown;
      hub.end();
      // Folders that hold nothing would look like a repository to programs that list the cache.
      for (const empty of [blobs, folder]) await rmdir(empty).catch(() => undefined);
      throw failed;
    }
  }
  await makeFolder(path.dirname(pointer));
  await link(blob, pointer);
}

/** The name that the content has in the cache, as Hugging Face's own programs name it, and how to check it. */
function contentName(name: string, info: PathInfo): { readonly blobName: string; readonly checksum: Checksum } {
  // These become file names, so nothing but a hash may pass.
  const sha256 = info.lfs?.oid;
  if (sha256 !== undefined && SHA256.test(sha256)) return { blobName: sha256, checksum: { kind: "sha256", hex: sha256 } };
  const git = info.oid;
  // For content that is stored elsewhere, git's hash is that of a pointer to it, with which nothing can be compared.
  if (sha256 === undefined && git !== undefined && COMMIT.test(git) && info.xetHash === undefined) {
    return { blobName: git, checksum: { kind: "git", hex: git } };
  }
  throw networkError(name, "the hub gave no hash for the file");
}

async function link(blob: string, pointer: string): Promise<void> {
  try {
    await symlink(path.relative(path.dirname(pointer), blob), pointer);
  } catch (thrown) {
    // Another program was first; for one commit and file it is the same link.
    if (systemErrorCode(thrown) === "EEXIST") return;
    // Windows lets only some users make links.
    await copyFile(blob, pointer);
  }
}

/** Remember the commit of a branch or tag, for use offline; a cache without the folder is not recognized by its tools. */
async function writeRef(folder: string, revision: string, commit: string): Promise<void> {
  const refs = path.join(folder, "refs");
  await makeFolder(refs);
  if (COMMIT.test(revision)) return;
  const ref = path.join(refs, revision);
  if ((await readFile(ref, "utf8").catch(() => "")) === commit) return;
  await makeFolder(path.dirname(ref));
  await writeFileAtomic(ref, [new TextEncoder().encode(commit)]);
}

interface CachedFile {
  readonly commit: string;
  readonly pointer: string;
}

/** The file as the cache has it, without the hub. */
async function findCached(folder: string, wanted: HubFile): Promise<CachedFile | null> {
  const ref = path.join(folder, "refs", wanted.revision);
  const commit = COMMIT.test(wanted.revision) ? wanted.revision : (await readFile(ref, "utf8").catch(() => "")).trim();
  if (!COMMIT.test(commit)) return null;
  for (const file of wanted.file === null ? DEFAULT_FILES : [wanted.file]) {
    const pointer = path.join(folder, "snapshots", commit, file);
    if (await isFile(pointer)) return { commit, pointer };
  }
  return null;
}

/**
 * The result for a file in the cache, after comparing its content with the hash that it is kept under: the name of the
 * blob that the file links to, or of one beside it where links are not possible and the file is a copy.
 */
async function checkCached(name: string, folder: string, { commit, pointer }: CachedFile): Promise<ResolvedSource> {
  const [root, file] = [await realpath(folder), await realpath(pointer)];
  if (!file.startsWith(root + path.sep)) {
    const message = `Cannot use ${name}: in the cache it is a link to ${messageOf(file)}, outside of ${messageOf(root)}; delete ${messageOf(pointer)} to download it again`;
    throw new InceptionError("SOURCE_INVALID", message, { name, path: pointer, target: file });
  }
  const { sha256, git } = await hashesOf(file);
  const blobs = path.join(root, "blobs");
  const isBlob = path.dirname(file) === blobs;
  const kept = path.basename(file);
  if (isBlob ? kept === sha256 || kept === git : (await isFile(path.join(blobs, sha256))) || (await isFile(path.join(blobs, git)))) {
    return { path: pointer, name, revision: commit, sha256 };
  }
  const fact = !isBlob
    ? "is none of its blobs and cannot be checked"
    : `is damaged, ${COMMIT.test(kept) ? `git SHA-1 is ${git}` : `SHA-256 is ${sha256}`}`;
  const message = `Cannot use ${name}: its copy in the cache ${fact}; delete ${messageOf(file)} to download it again`;
  throw new InceptionError("HASH_MISMATCH", message, { name, path: file, expected: isBlob ? kept : null, actual: sha256 });
}

function defaultFile(name: string, files: readonly string[]): string {
  const file = DEFAULT_FILES.find((candidate) => files.includes(candidate));
  if (file !== undefined) return file;
  const message = `Cannot select a file of ${name}: it has neither ${DEFAULT_FILES.join(" nor ")}; pass ${name}:FILE, it has ${listed(files)}`;
  throw new InceptionError("FILE_NOT_FOUND", message, { name, files });
}

function listed(files: readonly string[]): string {
  const more = files.length - MAX_LISTED_FILES;
  const shown = files.slice(0, MAX_LISTED_FILES).map((file) => messageOf(file));
  return files.length === 0 ? "no files" : `${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** How messages name it: as the user does. */
function hubName({ repo, revision, file }: HubFile): string {
  return `hf:${repo}${revision === "main" ? "" : `@${revision}`}${file === null ? "" : `:${file}`}`;
}

/** Where Hugging Face's programs keep what they download, by their rules. */
function hubCacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  const home = env.HF_HOME ?? path.join(env.XDG_CACHE_HOME ?? path.join(homedir(), ".cache"), "huggingface");
  return path.resolve(env.HF_HUB_CACHE ?? env.HUGGINGFACE_HUB_CACHE ?? path.join(home, "hub"));
}

/** Whether the hub may well answer another time: no connection, or a fault of its own. */
function isOutOfReach(thrown: unknown): boolean {
  if (!(thrown instanceof InceptionError) || thrown.code !== "DOWNLOAD_FAILED") return false;
  const { status } = thrown.details;
  return status === undefined || (typeof status === "number" && status >= 500);
}
