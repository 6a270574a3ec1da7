import { describe, expect, it } from 'vitest';
import { isPrefix, mangle, ObjectNames, prefixOf } from './object-names.ts';

describe('names of objects', () => {
  it('keep letters, digits and _, and spell out all other bytes', () => {
    expect(mangle('fd_write2')).toBe('fd_write2');
    expect(mangle('grow-table')).toBe('grow_2dtable');
    expect(mangle('é ')).toBe('_c3_a9_20');
  });

  it('are each given once, with what is to stand behind them', () => {
    const names = new ObjectNames('app', ['free']);
    expect(names.take(['free'])).toBe('app_free_2');
    expect(names.take(['pair'], ['_result'])).toBe('app_pair');
    expect(names.take(['pair_result'])).toBe('app_pair_result_2');
    expect(names.take(['import', 'a', 'b'])).toBe('app_import_a_b');
    expect(names.take(['import', 'a_b'])).toBe('app_import_a_b_2');
    // The name would be free, but not the one behind it.
    names.take(['x_result']);
    expect(names.take(['x'], ['_result'])).toBe('app_x_2');
  });

  it('begin with the name of the file, made an identifier', () => {
    expect(prefixOf('app.wasm')).toBe('app');
    expect(prefixOf('my-app.1.wasm')).toBe('my_app_1');
    expect(prefixOf('2048.wat')).toBe('module_2048');
    expect(['a', 'A_1'].every(isPrefix)).toBe(true);
    expect(['', '_a', '1a', 'a-b', 'a\n'].some(isPrefix)).toBe(false);
  });
});
