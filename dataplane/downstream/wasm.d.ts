// What llhttp.ts uses and nobody declares: undici's file has no types, and those of WebAssembly are a browser's.

declare module "undici/lib/llhttp/llhttp_simd-wasm.js" {
  const program: Uint8Array<ArrayBuffer>;
  export default program;
}

declare namespace WebAssembly {
  type Imports = Record<string, Record<string, (...args: number[]) => number>>;
  const Module: new (program: Uint8Array<ArrayBuffer>) => object;
  const Instance: new (module: object, imports: Imports) => { readonly exports: Readonly<Record<string, unknown>> };
  const Memory: abstract new () => { readonly buffer: ArrayBuffer };
}
