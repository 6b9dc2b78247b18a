import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvalidInput } from '../../src/base/errors.ts';
import { readCsv } from '../../src/io/csv.ts';

/** The message of the error that reading throws. */
function refusal(text: string, options = {}): string {
  try {
    readCsv(text, options);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidInput);
    return (error as InvalidInput).message;
  }
  throw new Error('nothing was refused');
}

describe('tables', () => {
  test.each([
    { what: 'LF', text: '1,2\n3,4\n' },
    { what: 'CRLF, two blank lines at the end', text: '1,2\r\n3,4\r\n\r\n\r\n' },
    { what: 'no line end at the end', text: '1,2\n3,4' },
    { what: 'byte order mark', text: '\ufeff1,2\n3,4' },
    { what: 'semicolons', text: '1;2\n3;4' },
    { what: 'tabs', text: '1\t2\r\n3\t4' },
    { what: 'quoted cells', text: '"1","2"\r\n3,"4"\r\n' },
    { what: 'spaces around', text: ' 1 , 2\n3 ,  4 ' },
    { what: 'other notations', text: '+1.,.2e1\n0.3E+1,400e-2' },
  ])('$what', ({ text }) => {
    expect(readCsv(text)).toEqual({ rowCount: 2, columnCount: 2, data: Float64Array.of(1, 2, 3, 4) });
  });

  test('one cell, one column, one row', () => {
    expect(readCsv('-7e-3').data).toEqual(Float64Array.of(-0.007));
    expect(readCsv('1\n2\n3\n')).toEqual({ rowCount: 3, columnCount: 1, data: Float64Array.of(1, 2, 3) });
    expect(readCsv('1,2,3').rowCount).toBe(1);
  });

  test('more rows than the first allocation', () => {
    const text = Array.from({ length: 5000 }, (_, row) => `${row},x,${row / 8}`).join('\n');
    const { data, rowCount } = readCsv(text, { columns: '2,0' });
    expect(rowCount).toBe(5000);
    expect(data).toEqual(Float64Array.from({ length: 10_000 }, (_, index) => (index % 2 ? index >> 1 : index / 16)));
  });

  test('any finite numbers come back, whatever the separator, quotes and line ends', () => {
    const tables = fc.integer({ min: 1, max: 5 }).chain((columnCount) =>
      fc.array(
        fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), {
          minLength: columnCount,
          maxLength: columnCount,
        }),
        { minLength: 1, maxLength: 20 },
      ),
    );
    fc.assert(
      fc.property(
        tables,
        fc.constantFrom(',', ';', '\t'),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        (rows, separator, end, quoted) => {
          const cell = (value: number) => (Object.is(value, -0) ? '-0' : String(value));
          const text = rows.map((row) => row.map((x) => (quoted ? `"${cell(x)}"` : cell(x))).join(separator)).join(end);
          expect(readCsv(text).data).toEqual(Float64Array.from(rows.flat()));
        },
      ),
    );
  });

  test('any bytes give a table of finite numbers or InvalidInput', () => {
    const soup = fc.array(fc.constantFrom('1', '-2.5', 'e', '"', '""', ',', ';', '\t', '\n', '\r', ' ', 'é', '\0'), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(soup, (parts) => {
        try {
          const { rowCount, columnCount, data } = readCsv(parts.join(''));
          expect(data.length).toBe(rowCount * columnCount);
          expect(data.every(Number.isFinite)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInput);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('header', () => {
  test('is detected, quotes, separators and line ends in its names', () => {
    const table = readCsv('"a ""b""","c,d\ne",\n1,2,3\n');
    expect(table).toEqual({
      rowCount: 1,
      columnCount: 3,
      data: Float64Array.of(1, 2, 3),
      header: ['a "b"', 'c,d\ne', ''],
    });
  });

  test('only the selected columns decide, and only their names are given', () => {
    expect(readCsv('5.1,3.5,setosa', { columns: '0-1' }).data).toEqual(Float64Array.of(5.1, 3.5));
    expect(readCsv('name,x\nfoo,1', { columns: [1] }).header).toEqual(['x']);
  });

  test('of numbers is read as a row unless told', () => {
    expect(readCsv('2019,2020\n1,2').rowCount).toBe(2);
    expect(readCsv('2019,2020\n1,2', { header: true })).toEqual({
      rowCount: 1,
      columnCount: 2,
      data: Float64Array.of(1, 2),
      header: ['2019', '2020'],
    });
  });

  test('a first row with one bad cell is reported, not taken for a header', () => {
    expect(refusal('1,oops\n2,3')).toMatch(/Line 1, column 1 .*"oops".*header/);
    expect(refusal('nan,nan\n2,3')).toMatch(/Line 1, column 0/);
    expect(refusal('a,b\n1,2', { header: false })).toMatch(/Line 1, column 0/);
  });
});

describe('refused, with line and column', () => {
  test.each([
    { text: 'x,y\n1,2\n3,4,5\n', says: /Line 3 .* 3 cells.* 2/ },
    { text: 'x,y\n1,2\n3\n', says: /Line 3 .* 1 cells/ },
    { text: '1,2\n\n3,4', says: /Line 2, column 0/ },
    { text: '1,2\n3,\n', says: /Line 2, column 1 .*""/ },
    { text: '1,2\n3,NaN\n', says: /Line 2, column 1 .*"NaN"/ },
    { text: '1,2\n-inf,4\n', says: /Line 2, column 0/ },
    { text: '1,2\n3,1e999\n', says: /Line 2, column 1 .*1e999/ },
    { text: '1;2\n3,5;4\n', says: /Line 2, column 0 .*"3,5".*point/ },
    { text: '1,2\n"3\n",4\n5,x', says: /Line 2, column 0/ },
    { text: '"a\nb",c\n1,2\n5,x', says: /Line 4, column 1/ },
    { text: '1,2\n0x10,4', says: /Line 2, column 0 .*0x10/ },
    { text: '1,2\n"3,4\n5,6', says: /opens on line 2 .*never closed/ },
    { text: '1,2\n"3"x,4', says: /line 2.*closing quote/ },
    { text: '', says: /empty/ },
    { text: '\r\n\n', says: /empty/ },
    { text: 'x,y\n', says: /header but no row/ },
  ])('$text', ({ text, says }) => {
    expect(refusal(text)).toMatch(says);
  });

  test.each(['1-', '-1', 'a', '', '0,,1', '1 2', '0-1-2'])('columns %j', (columns) => {
    expect(refusal('1,2,3', { columns })).toMatch(/zero-based/);
  });

  test.each(['3', '0-3', '2-1', '0-99999999999999', [-1], [0.5]])('columns %j are not in the table', (columns) => {
    expect(refusal('1,2,3', { columns })).toMatch(/has 3/);
  });

  test('a column selected twice, and none', () => {
    expect(refusal('1,2,3', { columns: '0-1,1' })).toMatch(/twice/);
    expect(refusal('1,2,3', { columns: [] })).toMatch(/No column/);
  });
});

test('a million rows take seconds', () => {
  const block = Array.from({ length: 1000 }, (_, row) => `${row / 1000},${-row}.5,label\n`).join('');
  const started = performance.now();
  const { rowCount, data } = readCsv(new TextEncoder().encode(block.repeat(1000)), { columns: '0-1' });
  expect(rowCount).toBe(1_000_000);
  expect([...data.subarray(-2)]).toEqual([0.999, -999.5]);
  expect(performance.now() - started).toBeLessThan(10_000);
});
