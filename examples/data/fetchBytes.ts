/** Answers from the page's own server. */

/** @throws Error when the server has no such file */
export async function request(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered with status ${response.status}; build the pages again.`);
  return response;
}

/** The bytes of a file. */
export async function bytesAt(url: string): Promise<Uint8Array> {
  return new Uint8Array(await (await request(url)).arrayBuffer());
}
