// Gets a WebAssembly module from wherever the page says that it is.

/** Compiles it from an address, a response, its bytes, or takes a module for what it is; also from a promise or a function of those. */
export async function compile(source) {
  source = await (typeof source === "function" ? source() : source);
  if (source instanceof WebAssembly.Module) return source;
  if (typeof source === "string" || source instanceof URL || source instanceof Request) source = await fetch(source);
  if (source instanceof Response) {
    if (!source.ok) throw new Error(`${source.url} was answered with ${source.status}`);
    source = await source.arrayBuffer();
  }
  return WebAssembly.compile(source);
}
