/** A small HTTP server on this machine's loopback address, through which a page gets its files and hands back others. */
import { randomBytes } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';

/** What a local server serves. */
export interface LocalServerOptions {
  /** Folder whose files are served at the root. */
  readonly folder: string;
  /** Bytes served at `inputs/<name>`; none unless given. */
  readonly inputs?: Readonly<Record<string, Uint8Array>>;
  /** Paths of files served there too; none unless given. */
  readonly sources?: Readonly<Record<string, string>>;
}

/** A running server. */
export interface LocalServer {
  /** Its root, with a slash at the end. It holds a secret, so that no other page can reach it. */
  readonly url: string;
  /** What pages have sent with `PUT outputs/<name>` so far. */
  readonly outputs: ReadonlyMap<string, Uint8Array>;
  /** Stops serving. */
  close(): Promise<void>;
}

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

// Isolated pages get clocks of 5 µs instead of 100 µs, and shared memory.
const isolation = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cache-control': 'no-store',
};

/** Serves a folder and inputs, and takes outputs, on a random port of 127.0.0.1. */
export async function openLocalServer(options: LocalServerOptions): Promise<LocalServer> {
  const outputs = new Map<string, Uint8Array>();
  const root = `/${randomBytes(16).toString('hex')}/`;
  const server = createServer((request, response) => {
    answer(request, response, root, options, outputs).catch(() => {
      // The page went away in the middle of a file, or the file did.
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}${root}`, outputs, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  root: string,
  { folder, inputs = {}, sources = {} }: LocalServerOptions,
  outputs: Map<string, Uint8Array>,
): Promise<void> {
  const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
  if (!path.startsWith(root)) {
    response.writeHead(404, isolation).end();
    return;
  }
  const name = path.slice(root.length);
  if (request.method === 'PUT' && name.startsWith('outputs/')) {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    outputs.set(name.slice('outputs/'.length), Buffer.concat(parts));
    response.writeHead(204, isolation).end();
    return;
  }
  const input = name.startsWith('inputs/') ? inputs[name.slice('inputs/'.length)] : undefined;
  if (input) {
    const headers = { ...isolation, 'content-type': 'application/octet-stream', 'content-length': input.byteLength };
    response.writeHead(200, headers).end(input);
    return;
  }
  const source = name.startsWith('inputs/') ? sources[name.slice('inputs/'.length)] : undefined;
  if (source !== undefined) await sendFile(response, source);
  else await sendPage(response, folder, name);
}

async function sendPage(response: ServerResponse, folder: string, name: string): Promise<void> {
  const path = normalize(join(folder, name.endsWith('/') || name === '' ? `${name}index.html` : name));
  if (path.startsWith(folder + sep)) await sendFile(response, path);
  else response.writeHead(404, isolation).end();
}

async function sendFile(response: ServerResponse, path: string): Promise<void> {
  const file = statSync(path, { throwIfNoEntry: false });
  if (!file?.isFile()) {
    response.writeHead(404, isolation).end();
    return;
  }
  const contentType = contentTypes[extname(path)] ?? 'application/octet-stream';
  response.writeHead(200, { ...isolation, 'content-type': contentType, 'content-length': file.size });
  await pipeline(createReadStream(path), response);
}
