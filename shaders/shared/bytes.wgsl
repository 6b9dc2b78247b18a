// Rows of 8-bit elements, 16 at a time: rows are padded with zeros to whole vec4u.

// The lowest `count` bytes of a word; all of them from 4 on.
fn lowBytes(count: i32) -> u32 {
  let few = select(select(0u, 0xffu, count >= 1), select(0xffffu, 0xffffffu, count >= 3), count >= 2);
  return select(few, 0xffffffffu, count >= 4);
}

// A mask of those of the 16 bytes from `column` on that belong to a row of `columnCount`.
fn bytesInRow(column: u32, columnCount: u32) -> vec4u {
  let left = i32(columnCount) - i32(column);
  return vec4u(lowBytes(left), lowBytes(left - 4), lowBytes(left - 8), lowBytes(left - 12));
}

const topByte = 0xff000000u;

// The four bytes of a word, signed, times 2^24. By multiplication: SwiftShader shifts one lane after the other.
fn bytesOnTop(word: u32) -> vec4i {
  return vec4i(i32(word * 0x1000000u), i32((word * 0x10000u) & topByte), i32((word * 0x100u) & topByte), i32(word & topByte));
}

// The four bytes of a word, signed.
fn signedBytes(word: u32) -> vec4i {
  return vec4i(vec4f(bytesOnTop(word)) * 0x1p-24f);
}

// Each byte of a word replaced by its entry in a table: of words, at the byte as it is, whatever its sign.
fn replacedBytes(word: u32, table: ptr<storage, array<u32, 256>, read>) -> u32 {
  return (*table)[word & 0xffu] + (*table)[(word >> 8u) & 0xffu] * 0x100u + (*table)[(word >> 16u) & 0xffu] * 0x10000u
    + (*table)[word >> 24u] * 0x1000000u;
}
