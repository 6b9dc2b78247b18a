import { describe, expect, it } from 'vitest';
import '../../src/index.ts';
import { declaredKernels } from '../../src/gpu/kernel.ts';
import { shaderSource } from '../../src/gpu/shaders.ts';
import { uniformBytes, uniformSlotBytes, writeUniforms } from '../../src/gpu/uniforms.ts';

interface FoundBinding {
  readonly position: number;
  readonly name: string;
  readonly space: string;
}

function bindingsOf(source: string): FoundBinding[] {
  const pattern = /@group\(0\)\s*@binding\((\d+)\)\s*var<([^>]+)>\s*(\w+)/g;
  return [...source.matchAll(pattern)].map(([, position, space, name]) => ({
    position: Number(position),
    name: name ?? '',
    space: (space ?? '').replaceAll(' ', ''),
  }));
}

/** The fields of the struct behind `uniforms`, which several kernels may import from one module. */
function uniformFieldsOf(source: string): [string, string][] {
  const struct = /var<uniform>\s*uniforms\s*:\s*(\w+)/.exec(source)?.[1] ?? '';
  const importing = new RegExp(`import package::([\\w:]+?)::(?:\\{[^}]*\\b${struct}\\b[^}]*\\}|${struct});`);
  const module = importing.exec(source)?.[1];
  const declaring = module ? shaderSource(module.replaceAll('::', '/')) : source;
  const body = new RegExp(`struct ${struct} \\{([^}]*)\\}`).exec(declaring)?.[1] ?? '';
  return [...body.replaceAll(/\/\/.*$/gm, '').matchAll(/(\w+)\s*:\s*(\w+)/g)].map(([, name, type]) => [
    name ?? '',
    type ?? '',
  ]);
}

describe('every declared kernel', () => {
  it('exists', () => {
    expect(declaredKernels.length).toBeGreaterThan(5);
  });

  it.each(declaredKernels.map((kernel) => [`${kernel.name}/${kernel.entryPoint}`, kernel] as const))(
    '%s agrees with its WGSL',
    (_, kernel) => {
      const source = shaderSource(kernel.name);
      expect(source).toMatch(new RegExp(`fn ${kernel.entryPoint}\\b`));
      expect(uniformFieldsOf(source)).toEqual(Object.entries(kernel.uniforms));
      const declared = new Map(
        Object.entries(kernel.bindings).map(([name, access], index) => [index + 1, [name, access]]),
      );
      for (const { position, name, space } of bindingsOf(source)) {
        if (position === 0) {
          expect([name, space]).toEqual(['uniforms', 'uniform']);
          continue;
        }
        // A file with several entry points may declare bindings that this one does not use.
        const [declaredName, access] = declared.get(position) ?? [];
        if (declaredName !== name) continue;
        expect(`${name}: ${space}`).toBe(`${name}: ${access === 'read' ? 'storage,read' : 'storage,read_write'}`);
        declared.delete(position);
      }
      expect([...declared.values()], 'bindings that the WGSL does not have').toEqual([]);
      expect(uniformBytes(kernel.uniforms)).toBeLessThanOrEqual(uniformSlotBytes);
    },
  );
});

describe('writeUniforms', () => {
  it('puts each field at its place in its own type', () => {
    const fields = { count: 'u32', offset: 'i32', scale: 'f32' } as const;
    const view = new DataView(new ArrayBuffer(32));
    writeUniforms(view, 16, fields, { count: 4_000_000_000, offset: -5, scale: 0.5 });
    expect([view.getUint32(16, true), view.getInt32(20, true), view.getFloat32(24, true)]).toEqual([
      4_000_000_000, -5, 0.5,
    ]);
    expect(uniformBytes(fields)).toBe(16);
    expect(uniformBytes({ ...fields, a: 'u32', b: 'u32' })).toBe(32);
  });
});
