/** Scalar types of uniform fields. */
export type UniformType = 'u32' | 'i32' | 'f32';

/** The fields of a kernel's uniform struct, in the order of the WGSL struct. All are 4-byte scalars. */
export type UniformFields = Readonly<Record<string, UniformType>>;

/** Values for the fields of a uniform struct. */
export type UniformValues<F extends UniformFields> = { readonly [Name in keyof F]: number };

/** Bytes that each dispatch's uniforms take in the arena: the offset alignment that every adapter supports. */
export const uniformSlotBytes = 256;

/** Size in bytes of the WGSL struct: its fields, rounded up to 16. */
export function uniformBytes(fields: UniformFields): number {
  return Math.max(16, Math.ceil((Object.keys(fields).length * 4) / 16) * 16);
}

/** Writes the values into `target` at `offset`, each converted to its field's type. */
export function writeUniforms<F extends UniformFields>(
  target: DataView,
  offset: number,
  fields: F,
  values: UniformValues<F>,
): void {
  Object.entries(fields).forEach(([name, type], position) => {
    const value = values[name] ?? 0;
    const at = offset + position * 4;
    if (type === 'f32') target.setFloat32(at, value, true);
    else if (type === 'i32') target.setInt32(at, value, true);
    else target.setUint32(at, value, true);
  });
}
